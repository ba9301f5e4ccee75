import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The account PostgreSQL runs under. It refuses to run as root. */
export interface SystemUser {
  uid: number;
  gid: number;
}

const NAME = 'postgres';

/**
 * Undefined where PostgreSQL can run as the user of this process. For root: the account `postgres`, made if the machine has none.
 * @throws Error with one line for the operator
 */
export function postgresUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = lookUp();
  if (found !== undefined) return found;
  createAccount();
  const made = lookUp();
  if (made === undefined) {
    throw new Error(
      `PostgreSQL does not run as root and no account "${NAME}" could be made: start as another user or make it by hand.`,
    );
  }
  return made;
}

function lookUp(): SystemUser | undefined {
  // `id` asks every source of accounts the machine has (LDAP too), /etc/passwd would not.
  try {
    const ids = ['-u', '-g'].map((flag) =>
      Number(execFileSync('id', [flag, NAME], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })),
    );
    return { uid: ids[0]!, gid: ids[1]! };
  } catch {
    const entry = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([name]) => name === NAME);
    return entry === undefined ? undefined : { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
}

/** shadow's tools (most Linux distributions), then BusyBox's (Alpine). */
function createAccount(): void {
  const ways = [
    [
      ['groupadd', '--system', NAME],
      ['useradd', '--system', '--gid', NAME, '--no-create-home', '--shell', '/usr/sbin/nologin', NAME],
    ],
    [
      ['addgroup', '-S', NAME],
      ['adduser', '-S', '-D', '-H', '-G', NAME, NAME],
    ],
  ];
  for (const commands of ways) {
    for (const [command, ...args] of commands) {
      try {
        execFileSync(command!, args, { stdio: 'ignore' });
      } catch {
        // the group may exist already, the tool may be missing: what counts is whether the account is there in the end
      }
    }
    if (lookUp() !== undefined) return;
  }
}
