import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;

beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub?.stop());

const write = async (criteria: string, method: string, path: string, id?: string) => {
  const response = await fetch(`${hub.fhir}/${path}`, {
    method,
    headers: { 'Content-Type': 'application/fhir+json', Prefer: 'return=OperationOutcome' },
    body: JSON.stringify({
      resourceType: 'Subscription',
      id,
      status: 'requested',
      reason: 'test',
      criteria,
      channel: { type: 'websocket' },
    }),
  });
  const { issue } = (await response.json()) as { issue: { severity: string; code: string }[] };
  return { status: response.status, issues: issue.map(({ severity, code }) => [severity, code]) };
};

test('who asks for an OperationOutcome is warned of criteria that every change is tested for', async () => {
  const taken = ['information', 'informational'];
  const warned = ['warning', 'too-costly'];
  expect(await write('Observation?status:not=final', 'POST', 'Subscription')).toEqual({ status: 201, issues: [taken, warned] });
  expect(await write('Observation?code:not=x', 'PUT', 'Subscription/s', 's')).toEqual({ status: 201, issues: [taken, warned] });
  expect(await write('Observation?patient=p', 'PUT', 'Subscription/s', 's')).toEqual({ status: 200, issues: [taken] });
});
