import { expect, test } from '@jest/globals';
import { interactionOf } from '../../../src/http/interaction-of.js';

test.each([
  ['POST', '/fhir/:face', 'bundle'],
  ['GET', '/fhir/:face/metadata', 'capabilities'],
  ['POST', '/fhir/:face/:type', 'create'],
  ['GET', '/fhir/:face/:type', 'search'],
  ['POST', '/fhir/:face/:type/_search', 'search'],
  ['GET', '/fhir/:face/:type/:id', 'read'],
  ['HEAD', '/fhir/:face/:type/:id', 'read'],
  ['PUT', '/fhir/:face/:type/:id', 'update'],
  ['PATCH', '/fhir/:face/:type/:id', 'patch'],
  ['DELETE', '/fhir/:face/:type/:id', 'delete'],
  ['GET', '/fhir/:face/:type/:id/_history/:version', 'vread'],
  ['GET', '/fhir/:face/_history', 'history'],
  ['GET', '/fhir/:face/:type/:id/_history', 'history'],
  ['POST', '/fhir/:face/Subscription/:id/$status', '$status'],
  ['POST', '/fhir/:face/$process-message', '$process-message'],
  ['OPTIONS', '/fhir/:face/:type', 'other'],
])('%s %s counts as %s', (method, route, interaction) => {
  expect(interactionOf(method, route)).toBe(interaction);
});

test.each([['/health/live'], ['/metrics'], [undefined], ['*']])('%s is no part of FHIR', (route) => {
  expect(interactionOf('GET', route)).toBeUndefined();
});
