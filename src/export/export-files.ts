import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportFileState } from './export-jobs.js';

interface OpenFile {
  handle: FileHandle;
  lines: number;
  bytes: number;
  dirty: boolean;
}

/** A file is shorter than what was kept of it: it cannot be gone on with. */
export class FilesIncomplete extends Error {
  override readonly name = 'FilesIncomplete';
}

/**
 * The files of one job while they are written. Whoever opens them names how far each counts; what lies behind, of a process that died
 * before it could keep its place, is cut off. So a line is neither lost nor doubled, wherever a process ends, as long as the states are
 * kept only after {@link sync}.
 */
export class ExportFiles {
  private readonly files = new Map<string, OpenFile>();

  private constructor(private readonly folder: string) {}

  /** @throws FilesIncomplete */
  static async open(folder: string, states: readonly ExportFileState[]): Promise<ExportFiles> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const counted = new Set(states.map(({ name }) => name));
    for (const name of await readdir(folder))
      if (!counted.has(name)) await rm(join(folder, name), { recursive: true, force: true });
    const files = new ExportFiles(folder);
    try {
      for (const { name, lines, bytes } of states) {
        const handle = await open(join(folder, name), 'r+').catch((error: NodeJS.ErrnoException) => {
          throw error.code === 'ENOENT' ? new FilesIncomplete(name) : error;
        });
        files.files.set(name, { handle, lines, bytes, dirty: false });
        if ((await handle.stat()).size < bytes) throw new FilesIncomplete(name);
        await handle.truncate(bytes);
      }
      return files;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Resolves when the operating system has taken the bytes: no more than one text is ever on its way. */
  async append(name: string, text: string, lines: number): Promise<void> {
    const file = this.files.get(name) ?? (await this.make(name));
    const bytes = Buffer.from(text, 'utf8');
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await file.handle.write(bytes, written, bytes.length - written, file.bytes + written);
      written += bytesWritten;
    }
    file.bytes += bytes.length;
    file.lines += lines;
    file.dirty = true;
  }

  /** Resolves when all that was appended is on the disk. */
  async sync(): Promise<void> {
    for (const file of this.files.values()) {
      if (!file.dirty) continue;
      await file.handle.datasync();
      file.dirty = false;
    }
  }

  states(): ExportFileState[] {
    return [...this.files].map(([name, { lines, bytes }]) => ({ name, lines, bytes }));
  }

  async close(): Promise<void> {
    await Promise.all([...this.files.values()].map(({ handle }) => handle.close()));
    this.files.clear();
  }

  private async make(name: string): Promise<OpenFile> {
    const handle = await open(join(this.folder, name), constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    const file: OpenFile = { handle, lines: 0, bytes: 0, dirty: false };
    this.files.set(name, file);
    // The entry in the folder is to survive a power cut, too.
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return file;
  }
}
