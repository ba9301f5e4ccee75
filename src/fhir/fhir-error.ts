/** Issue types of https://hl7.org/fhir/R4B/valueset-issue-type.html that the hub uses, each with its HTTP status. */
export const STATUS_OF_ISSUE = {
  invalid: 400,
  structure: 400,
  required: 400,
  value: 400,
  invariant: 400,
  security: 403,
  login: 401,
  forbidden: 403,
  processing: 422,
  'not-supported': 400,
  'business-rule': 422,
  duplicate: 409,
  'multiple-matches': 412,
  'not-found': 404,
  deleted: 410,
  'too-long': 413,
  'code-invalid': 422,
  'too-costly': 503,
  conflict: 409,
  transient: 503,
  'lock-error': 503,
  timeout: 503,
  throttled: 429,
  exception: 500,
  informational: 200,
} as const;

export type IssueCode = keyof typeof STATUS_OF_ISSUE;

export interface Issue {
  code: IssueCode;
  /** One sentence for the person who has to mend the request. */
  diagnostics: string;
  /** FHIRPath of the element at fault, for example `Observation.status`, or the name of the HTTP header or parameter. */
  expression?: string;
  severity?: 'fatal' | 'error' | 'warning' | 'information';
}

export interface FhirErrorOptions {
  /** Overrides the status of the issue code, for example 405, 406, 412, 415 or 422. */
  status?: number;
  /** Response headers that belong to the refusal, for example `Retry-After` or `Allow`. */
  headers?: Record<string, string>;
}

/** A request that cannot be served as it stands. Every refusal of the hub is one of these; anything else is a bug (500). */
export class FhirError extends Error {
  readonly issues: readonly Issue[];
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: IssueCode, diagnostics: string, expression?: string, options?: FhirErrorOptions) {
    super(diagnostics);
    this.name = 'FhirError';
    this.issues = [{ code, diagnostics, expression }];
    this.status = options?.status ?? STATUS_OF_ISSUE[code];
    this.headers = options?.headers ?? {};
  }

  /** One refusal with several issues, for example all schema errors of one resource; the first decides the status. */
  static ofIssues(issues: readonly [Issue, ...Issue[]], options?: FhirErrorOptions): FhirError {
    const [first] = issues;
    const error = new FhirError(first.code, first.diagnostics, first.expression, options);
    (error as { issues: readonly Issue[] }).issues = issues;
    return error;
  }
}

export interface OperationOutcome {
  resourceType: 'OperationOutcome';
  issue: { severity: string; code: IssueCode; diagnostics: string; expression?: string[] }[];
}

/** https://hl7.org/fhir/R4B/operationoutcome.html */
export function operationOutcome(issues: readonly Issue[]): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map((issue) => ({
      severity: issue.severity ?? (issue.code === 'informational' ? 'information' : 'error'),
      code: issue.code,
      diagnostics: issue.diagnostics,
      ...(issue.expression === undefined ? {} : { expression: [issue.expression] }),
    })),
  };
}
