import type { SearchParameter } from './values.js';

/** All search parameters of R4B by resource type, those of Resource and DomainResource included. */
export class SearchDefinitions {
  /** Reads what scripts/compile-search-parameters.mjs made. */
  static load(): SearchDefinitions {
    throw new Error('being built');
  }

  /** In the order of their codes; empty for what is not a resource type. */
  parametersOf(_type: string): readonly SearchParameter[] {
    throw new Error('being built');
  }

  find(_type: string, _code: string): SearchParameter | undefined {
    throw new Error('being built');
  }

  isResourceType(_name: string): boolean {
    throw new Error('being built');
  }
}
