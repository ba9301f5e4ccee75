import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NAME_FILE = '.folder-id';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Where files of exports lie: a folder for each job. The folder gives itself a name when it is first used, so that processes can tell
 * whether they share it.
 */
export class ExportFolder {
  private name: Promise<string> | undefined;

  constructor(readonly path: string) {}

  id(): Promise<string> {
    this.name ??= this.readName().catch((error: unknown) => {
      this.name = undefined;
      throw error;
    });
    return this.name;
  }

  of(job: string): string {
    return join(this.path, job);
  }

  async remove(job: string): Promise<void> {
    await rm(this.of(job), { recursive: true, force: true });
  }

  /** Ids of the jobs that have something here. */
  async jobs(): Promise<string[]> {
    const names = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.filter((name) => UUID.test(name));
  }

  /** Of processes that come at once one makes the name: a link is made whole or not at all. */
  private async readName(): Promise<string> {
    const file = join(this.path, NAME_FILE);
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const draft = `${file}.${randomUUID()}`;
    await writeFile(draft, randomUUID(), { mode: 0o600 });
    try {
      await link(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(draft, { force: true });
    }
    return (await readFile(file, 'utf8')).trim();
  }
}

export const isJobId = (text: string) => UUID.test(text);
