import { expect, test } from '@jest/globals';
import { BadSetting, readConfig } from '../../../src/config/config.js';
import { allowedOrigin, corsPolicy } from '../../../src/http/cors.js';

const app = 'https://app.example';

test.each([
  ['loopback', 'http://localhost:3000', 'http://localhost:3000'],
  ['loopback', 'http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['loopback', 'https://[::1]:9', 'https://[::1]:9'],
  ['loopback', app, undefined],
  ['loopback', 'http://localhost.evil.example', undefined],
  ['loopback', 'http://127.0.0.1.evil.example', undefined],
  ['loopback', 'http://evil.example/localhost', undefined],
  ['loopback', 'http://user@localhost', undefined],
  ['loopback', 'null', undefined],
  ['loopback', '', undefined],
  [app, app, app],
  [app, `${app}:8443`, undefined],
  [app, 'http://app.example', undefined],
  [app, 'http://localhost:3000', undefined],
  [`loopback, ${app}`, 'http://localhost:3000', 'http://localhost:3000'],
  ['none', 'http://localhost:3000', undefined],
  ['*', 'null', '*'],
  ['*', app, '*'],
])('CORS_ORIGINS=%s for a page of %s allows %s', (setting, origin, allowed) => {
  const { corsOrigins } = readConfig({ CORS_ORIGINS: setting }).http;
  expect(allowedOrigin(corsPolicy(corsOrigins), origin)).toBe(allowed);
});

test.each(['app.example', 'https://app.example/', 'https://app.example/path', 'https://*.example', 'none, *', 'ftp'])(
  'CORS_ORIGINS=%s stops the start',
  (setting) => expect(() => readConfig({ CORS_ORIGINS: setting })).toThrow(BadSetting),
);
