import type { FastifyInstance } from 'fastify';

/** A request handed to the hub's own routes without a socket: it meets the same guards, controllers and filter as any other. */
export async function serveInside(
  fastify: FastifyInstance,
  request: { method: string; path: string; headers: Record<string, string>; body?: string | Buffer },
): Promise<{ status: number; headers: { location?: string; etag?: string; lastModified?: string }; body: string }> {
  const { method, path, headers, body } = request;
  const reply = await fastify.inject({ method: method as 'GET', url: path, headers, payload: body });
  return {
    status: reply.statusCode,
    headers: {
      location: reply.headers.location,
      etag: headerText(reply.headers.etag),
      lastModified: headerText(reply.headers['last-modified']),
    },
    body: reply.payload,
  };
}

function headerText(header: number | string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
