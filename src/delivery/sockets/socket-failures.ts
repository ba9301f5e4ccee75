import { FhirError, type Issue } from '../../fhir/fhir-error.js';
import type { Log } from '../../telemetry/log.js';

/** What a client of a socket is told when something that it asked for fails. */
export class SocketFailures {
  constructor(
    /** Knows failures that are nobody's fault, such as a database that is away, and tells them as FhirErrors; others as they are. */
    private readonly known: (error: unknown) => unknown,
    private readonly log: Log,
  ) {}

  /** The issues of a refusal. Anything else is a bug: a plain word for the client, the details in the log under `name`. */
  issuesOf(error: unknown, name: string): readonly Issue[] {
    const failure = this.known(error);
    if (failure instanceof FhirError) return failure.issues;
    this.log.error({ err: error }, name);
    return [{ code: 'exception', diagnostics: 'The hub could not do this; please try again' }];
  }
}
