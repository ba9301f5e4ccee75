/** Holds the picture of docs/architecture.md still. */
const stages = ['intake', 'sources', 'matching', 'delivery', 'pull', 'maintenance'];
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
    mayOnlyImport('search', ['fhir']),
    mayOnlyImport('topics', ['fhir', 'search']),
    mayOnlyImport('subscriptions', ['fhir', 'search', 'topics']),
    mayOnlyImport('intake', ['fhir', 'search', 'http']),
    mayOnlyImport('sources', ['fhir', 'outbound', 'telemetry']),
    mayOnlyImport('matching', ['fhir', 'search', 'topics', 'subscriptions', 'wake-ups', 'telemetry']),
    mayOnlyImport('delivery', ['fhir', 'subscriptions', 'wake-ups', 'outbound', 'telemetry']),
    mayOnlyImport('pull', ['fhir', 'search', 'subscriptions', 'topics', 'http']),
    mayOnlyImport('maintenance', ['telemetry']),
    mayOnlyImport('outbound', ['fhir']),
    mayOnlyImport('config', []),
    mayOnlyImport('telemetry', []),
    mayOnlyImport('http', ['fhir', 'telemetry']),
    {
      name: 'pure-files-know-no-framework',
      severity: 'error',
      from: { path: '^src/(fhir|search|topics|subscriptions)/', pathNot: wiring },
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
      from: { path: `^src/(${stages.join('|')}|fhir|search|topics|subscriptions|http)/`, pathNot: wiring },
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
