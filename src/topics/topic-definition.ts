import type { Interaction } from '../fhir/change.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';

export type TopicStatus = 'draft' | 'active' | 'retired' | 'unknown';

/** https://hl7.org/fhir/R4B/subscriptiontopic.html; an absent test takes no part in the decision. */
export interface QueryCriteria {
  previous?: string;
  resultForCreate?: 'test-passes' | 'test-fails';
  current?: string;
  resultForDelete?: 'test-passes' | 'test-fails';
  requireBoth: boolean;
}

export interface ResourceTrigger {
  /** Place in the resource, for messages: `SubscriptionTopic.resourceTrigger[0]`. */
  path: string;
  /** A resource type, or {@link ANY_TYPE}. */
  type: string;
  interactions: ReadonlySet<Interaction>;
  queryCriteria?: QueryCriteria;
  fhirPathCriteria?: string;
}

export interface Coding {
  system?: string;
  code?: string;
}

/** Fired by a message or an operation, not by a change alone. */
export interface EventTrigger {
  /** A resource type, or {@link ANY_TYPE}. */
  type: string;
  codings: readonly Coding[];
}

export interface FilterDeclaration {
  path: string;
  /** Type the filter applies to; undefined: every type the topic knows. */
  type?: string;
  parameter: string;
  definition?: string;
  /** Comparators and modifiers in one list, as R4B has them; empty: equality only. */
  modifiers: readonly string[];
}

/** One `_include` or `_revinclude` of a shape: `Type:parameter[:target]`. */
export interface IncludeDirective {
  /** Place in the resource of what it was written in, which may hold several. */
  path: string;
  /** A resource type, or {@link ANY_TYPE}. */
  source: string;
  /** `*`: all that are references. */
  parameter: string;
  target?: string;
  iterate: boolean;
}

export interface NotificationShape {
  type: string;
  include: readonly IncludeDirective[];
  revInclude: readonly IncludeDirective[];
}

/** A SubscriptionTopic resource, read once. */
export interface TopicDefinition {
  id: string;
  url: string;
  version?: string;
  status: TopicStatus;
  title?: string;
  date?: string;
  derivedFrom: readonly string[];
  triggers: readonly ResourceTrigger[];
  eventTriggers: readonly EventTrigger[];
  filters: readonly FilterDeclaration[];
  shapes: readonly NotificationShape[];
  /** Custom parameters that its triggers and filters go by, as they were when it was written; absent: none. */
  parameters?: readonly CustomDefinition[];
}

/** `Resource` and `DomainResource` in a topic mean resources of every type. */
export const ANY_TYPE = 'Resource';
