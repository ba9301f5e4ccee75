/** Holds the picture of docs/architecture.md still. */
const stages = ['intake', 'sources', 'matching', 'full-text', 'delivery', 'pull', 'export', 'reindex', 'maintenance'];
const wiring = '\\.module\\.ts$';

/** A folder may import only the ones listed (and packages); modules wire and are free. */
const mayOnlyImport = (folder, allowed) => ({
  name: `${folder}-imports`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: wiring },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    mayOnlyImport('fhir', []),
    mayOnlyImport('wake-ups', []),
    mayOnlyImport('secrets', ['fhir']),
    mayOnlyImport('search', ['fhir']),
    mayOnlyImport('validation', ['fhir', 'search']),
    mayOnlyImport('topics', ['fhir', 'search']),
    mayOnlyImport('subscriptions', ['fhir', 'secrets', 'search', 'topics', 'outbound']),
    mayOnlyImport('intake', ['fhir', 'secrets', 'search', 'http']),
    mayOnlyImport('sources', ['fhir', 'outbound', 'telemetry']),
    mayOnlyImport('matching', ['fhir', 'search', 'topics', 'subscriptions', 'wake-ups', 'telemetry']),
    mayOnlyImport('full-text', ['wake-ups', 'telemetry']),
    mayOnlyImport('delivery', ['fhir', 'subscriptions', 'wake-ups', 'outbound', 'telemetry']),
    mayOnlyImport('pull', ['fhir', 'secrets', 'search', 'validation', 'subscriptions', 'topics', 'http']),
    mayOnlyImport('export', ['fhir', 'secrets', 'search', 'topics', 'wake-ups', 'http', 'telemetry']),
    mayOnlyImport('reindex', ['fhir', 'search', 'wake-ups', 'telemetry']),
    mayOnlyImport('maintenance', ['telemetry']),
    mayOnlyImport('outbound', ['fhir']),
    mayOnlyImport('config', []),
    mayOnlyImport('telemetry', []),
    mayOnlyImport('http', ['fhir', 'telemetry']),
    {
      // Whatever leaves the machine passes one guard. Exempt: what only reads addresses or status texts, what listens, and the mailer,
      // whose sockets the guard opens. The database's driver is no call of a client's choosing. (eslint forbids `fetch`.)
      name: 'one-door-out',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(outbound/|http/|config/loopback\\.ts|intake/bundle/bundle-answer\\.ts|delivery/channels/(smtp-mailer|fhir-websocket\\.gateway)\\.ts)',
      },
      to: {
        path: '^(node:)?(http|https|http2|net|tls|dns|dns/promises|dgram)$|node_modules/(undici|ws|nodemailer|socket.io-client)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'pure-files-know-no-framework',
      severity: 'error',
      from: { path: '^src/(fhir|secrets|search|validation|topics|subscriptions)/', pathNot: wiring },
      to: { path: 'node_modules/(@nestjs|typeorm|pg)/' },
    },
    {
      name: 'typeorm-in-storage-alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/storage/' },
      to: { path: 'node_modules/(typeorm|pg)/' },
    },
    {
      name: 'only-modules-name-storage',
      severity: 'error',
      from: { path: `^src/(${stages.join('|')}|fhir|secrets|search|validation|topics|subscriptions|http)/`, pathNot: wiring },
      to: { path: '^src/storage/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
