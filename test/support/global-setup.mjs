// Jest loads its global set-up outside the module system of the tests, so the sources' loader is put in first.
import '../../scripts/typescript-loader.mjs';

export default async (config) => (await import('./start-run.ts')).startRun(config);
