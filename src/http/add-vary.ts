import type { FastifyReply } from 'fastify';

/** Says that an answer depends on one more header of the request, beside those that it depends on already. */
export function addVary(reply: FastifyReply, name: string): void {
  const said = reply.getHeader('vary')?.toString() ?? '';
  const names = said.split(',').map((each) => each.trim().toLowerCase());
  if (names.includes('*') || names.includes(name.toLowerCase())) return;
  void reply.header('Vary', said === '' ? name : `${said}, ${name}`);
}
