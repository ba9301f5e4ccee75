import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, NotFoundException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError, type IssueCode } from '../fhir/fhir-error.js';
import type { Log } from '../telemetry/log.js';
import { refusedRoute } from './refused-route.js';
import { sendOutcome } from './resource-reply.js';

const CODE_OF_STATUS: Readonly<Record<number, IssueCode>> = {
  400: 'invalid',
  401: 'login',
  403: 'forbidden',
  404: 'not-found',
  405: 'not-supported',
  406: 'not-supported',
  408: 'timeout',
  409: 'conflict',
  413: 'too-long',
  414: 'too-long',
  415: 'not-supported',
  429: 'throttled',
  431: 'too-long',
  503: 'transient',
};

/** Every refusal leaves as an OperationOutcome; what is not a refusal is a bug, whose details stay in the log. */
@Catch()
export class OutcomeFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    /** What is wrong with the store, as the refusal that says so; anything else as it is. */
    private readonly ofStore: (exception: unknown) => unknown = (exception) => exception,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const exception = thrown instanceof FhirError ? thrown : this.ofStore(thrown);
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = toFhirError(exception, request.method, request.url);
    if (error.status >= 500 && !(exception instanceof FhirError)) {
      this.log.error({ err: exception, method: request.method, route: request.routeOptions?.url }, 'request.failed');
    }
    if (reply.sent) return;
    // Fastify would close the connection under a client that is still sending, who would then see a broken pipe instead of the answer.
    if (error.status === 413) void reply.removeHeader('connection');
    for (const [name, value] of Object.entries(error.headers)) void reply.header(name, value);
    sendOutcome(reply.status(error.status), error.issues);
  }
}

/** Whatever was thrown, as the refusal the client gets to see. */
export function toFhirError(exception: unknown, method: string, url: string): FhirError {
  if (exception instanceof FhirError) return exception;
  if (exception instanceof NotFoundException) return refusedRoute(method, url);
  if (exception instanceof URIError) return malformedUrl();
  const status = statusOf(exception);
  const code = CODE_OF_STATUS[status];
  if (code === undefined) return new FhirError('exception', 'The hub could not serve this request; its log says why');
  return new FhirError(code, refusalText(status, exception), undefined, { status });
}

export function malformedUrl(): FhirError {
  return new FhirError('value', 'The address is not a well-formed URL; check its percent-encoding');
}

function statusOf(exception: unknown): number {
  if (exception instanceof HttpException) return exception.getStatus();
  const status = (exception as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : 500;
}

/** Fastify's own refusals in our words: its texts name settings of the code, not what a client has to mend. */
function refusalText(status: number, exception: unknown): string {
  if (status === 413) return 'The body is larger than this hub takes (MAX_BODY_BYTES); send less at once';
  if (status === 415) return 'Content-Type is not well formed; send application/fhir+json';
  if (status === 408) return 'The request took too long to arrive';
  const message = exception instanceof Error ? exception.message : '';
  return /^[\x20-\x7e]{1,200}$/.test(message) ? message : 'The request is not well formed';
}
