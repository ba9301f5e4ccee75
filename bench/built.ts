/**
 * A module of the hub as it was built, typed by its source: `built<typeof import('../src/x/y.js')>('x/y.js')`. Rows without HTTP
 * measure it in this process.
 */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}
