import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { SystemUser } from './system-user.js';

interface Owned {
  uid: number;
  gid: number;
  mode: number;
}

/** Whether the bits of `file` let `user` do `wanted` (4 read, 2 write, 1 search). Access control lists are not looked at. */
function mayAccess(file: Owned, user: SystemUser, wanted: number): boolean {
  const shift = file.uid === user.uid ? 6 : file.gid === user.gid ? 3 : 0;
  return ((file.mode >> shift) & wanted) === wanted;
}

/** Whether `user` can walk down to `path` and list it. */
export function canReach(path: string, user: SystemUser): boolean {
  const target = resolve(path);
  if (!mayAccess(statSync(target), user, 5)) return false;
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    if (!mayAccess(statSync(folder), user, 1)) return false;
    if (folder === dirname(folder)) return true;
  }
}
