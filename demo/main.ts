/**
 * `npm run demo`: four ways in and out. `npm run demo -- cluster`: three hubs on one database, one of them killed. Each starts what it
 * needs in temporary folders, prints what happens, ends with 0 only if all went as promised, and leaves nothing behind.
 */
const name = process.argv[2] ?? 'four-ways';
if (name === 'four-ways') await import('./four-ways.ts');
else if (name === 'cluster') {
  // It uses the embedded PostgreSQL of the sources and the checker of the fault tests.
  await import(new URL('../scripts/typescript-loader.mjs', import.meta.url).href);
  await import('./cluster.ts');
} else {
  console.error(`There is no demo "${name}"; there is "cluster", and the one without a name.`);
  process.exitCode = 1;
}
