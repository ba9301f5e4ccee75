import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Issue } from '../fhir/fhir-error.js';

/** What the process is asked, and what it answers: findings one by one, so that those made before an end by force are not lost. */
export interface RuleQuestion {
  /** A resource as JSON. */
  text: string;
  most: number;
  milliseconds: number;
}
export type RuleAnswer =
  { kind: 'begun' } | { kind: 'found'; issue: Issue } | { kind: 'done'; end: RuleEnd } | { kind: 'bug'; where: string };

/** How a check came to its end: through everything, or with a part not looked at. */
export type RuleEnd = 'whole' | 'time' | 'memory' | 'findings' | 'busy';

export interface RuleFindings {
  issues: Issue[];
  end: RuleEnd;
}

/** The process heeds its own clock; behind this it no longer does. */
const GRACE_MILLISECONDS = 1000;
const MOST_MEGABYTES = 384;
const IDLE_MILLISECONDS = 60_000;

interface Job extends RuleFindings {
  question: RuleQuestion;
  resolve: (findings: RuleFindings) => void;
  reject: (error: Error) => void;
  patience: NodeJS.Timeout;
}

/**
 * Runs rules in a process of its own, one resource at a time: an evaluation cannot be interrupted, so neither requests nor other stages
 * may wait behind it. A thread would do for that, but one that runs out of memory takes the whole hub with it, whatever its limit is (Node 24,
 * November 2026). The process starts with the first question, yields to the hub where both want the processor, and goes when idle.
 */
export class RuleProcess {
  private readonly waiting: Job[] = [];
  private current: Job | undefined;
  private child: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param waitMilliseconds after which a question that has not had its turn is answered `busy` */
  constructor(
    private readonly program: URL,
    private readonly waitMilliseconds: number,
  ) {}

  /** @throws Error for a bug in the checks */
  check(question: RuleQuestion): Promise<RuleFindings> {
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => this.giveUp(job), this.waitMilliseconds);
      const job: Job = { question, resolve, reject, patience, issues: [], end: 'whole' };
      this.waiting.push(job);
      this.next();
    });
  }

  stop(): void {
    this.stopped = true;
    for (const job of [...this.waiting]) this.giveUp(job);
    this.end();
    this.finish('time');
  }

  private next(): void {
    if (this.current !== undefined) return;
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.current = this.waiting.shift();
    if (this.current === undefined) {
      this.timer = setTimeout(() => this.end(), IDLE_MILLISECONDS).unref();
      return;
    }
    clearTimeout(this.current.patience);
    this.child ??= this.begin();
    this.child.send(this.current.question);
  }

  private begin(): ChildProcess {
    const child = fork(fileURLToPath(this.program), {
      // Nothing of the hub's environment: it holds secrets.
      env: {},
      execArgv: [`--max-old-space-size=${MOST_MEGABYTES}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.unref();
    child.channel?.unref();
    if (child.pid !== undefined) yieldTo(child.pid);
    child.on('message', (answer: RuleAnswer) => {
      if (this.child === child) this.hear(answer);
    });
    const lost = () => {
      if (this.child === child) this.giveUpProcess('memory');
    };
    child.on('exit', lost);
    child.on('error', lost);
    return child;
  }

  private hear(answer: RuleAnswer): void {
    const job = this.current;
    if (job === undefined) return;
    if (answer.kind === 'found') job.issues.push(answer.issue);
    else if (answer.kind === 'done') this.finish(answer.end);
    else if (answer.kind === 'bug') {
      job.reject(new Error(`A check of rules failed ${answer.where}`));
      this.finish('whole');
    } else this.timer = setTimeout(() => this.giveUpProcess('time'), job.question.milliseconds + GRACE_MILLISECONDS);
  }

  private giveUpProcess(end: RuleEnd): void {
    this.end();
    this.finish(end);
  }

  private finish(end: RuleEnd): void {
    clearTimeout(this.timer);
    const job = this.current;
    this.current = undefined;
    job?.resolve({ issues: job.issues, end });
    this.next();
  }

  private giveUp(job: Job): void {
    const place = this.waiting.indexOf(job);
    if (place < 0) return;
    this.waiting.splice(place, 1);
    clearTimeout(job.patience);
    job.resolve({ issues: [], end: 'busy' });
  }

  private end(): void {
    clearTimeout(this.timer);
    const child = this.child;
    this.child = undefined;
    child?.kill('SIGKILL');
  }
}

function yieldTo(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, which its own event tells.
  }
}
