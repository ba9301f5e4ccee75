/** What resources of some types are labelled with. */
export interface LabelsInUse {
  profile: string[];
  security: Label[];
  tag: Label[];
}

export interface Label {
  system?: string;
  code?: string;
  display?: string;
}

export abstract class MetaInUse {
  /**
   * The profiles, tags and security labels of all current resources of these types, each once, in order.
   * @throws FhirError 503 too-costly when that takes longer than a search may
   */
  abstract of(types: readonly string[]): Promise<LabelsInUse>;
}
