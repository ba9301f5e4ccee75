import type { ExportDefinition } from './export-definition.js';

/** Where a job stands: the walk that is under way, and the last id of it whose lines are in the files. */
export interface ExportPlace {
  walk: number;
  /** Empty: at the beginning of the walk. */
  id: string;
}

/** A file up to where it counts. */
export interface ExportFileState {
  name: string;
  lines: number;
  bytes: number;
}

export interface ExportJob {
  id: string;
  definition: ExportDefinition;
  /** URL of the request that began it. */
  request: string;
  /** Nothing that was written later is in it, everything that was written by then is. */
  transactionTime: Date;
  askedAt: Date;
  state: 'open' | 'done' | 'failed';
  /** The folder its files lie in; undefined before there are any. */
  folder?: string;
  place: ExportPlace;
  files: readonly ExportFileState[];
  failures: number;
  /** Why it failed. */
  reason?: string;
  /** When it is forgotten; undefined while it is open. */
  expires?: Date;
}

/** The right to work on a job, until another process takes it over. */
export interface ExportLease {
  job: ExportJob;
  token: string;
}

export interface NewExport {
  id: string;
  definition: ExportDefinition;
  request: string;
  transactionTime: Date;
}

/** The exports that were asked for, as all processes of the hub see them. */
export abstract class ExportJobs {
  /** False where as many as `most` are under way already. */
  abstract add(job: NewExport, most: number): Promise<boolean>;
  /** Undefined where there is none, or where it has expired. */
  abstract find(id: string): Promise<ExportJob | undefined>;
  /** Forgets a job; whoever works on it notices at its next step. False where there was none. */
  abstract remove(id: string): Promise<boolean>;
  /**
   * The oldest open job that is due and that nobody works on. A new one is due when every write that might bear a time up to its
   * transaction time has ended.
   */
  abstract lease(process: string, seconds: number): Promise<ExportLease | undefined>;
  /** Begins a job in this folder, from the start: what its files held counts no more. False where the lease is lost. */
  abstract begin(lease: ExportLease, folder: string): Promise<boolean>;
  /** Keeps how far it has come and holds on to the lease. False where the lease is lost or the job is gone. */
  abstract advance(
    lease: ExportLease,
    place: ExportPlace,
    files: readonly ExportFileState[],
    leaseSeconds: number,
  ): Promise<boolean>;
  abstract finish(lease: ExportLease, keepHours: number): Promise<boolean>;
  /** Lets others go on from where it stands. */
  abstract release(lease: ExportLease): Promise<void>;
  /** Puts it off, or where `final` is told, ends it. */
  abstract fail(
    lease: ExportLease,
    failure: { reason: string; waitSeconds: number; final?: { keepHours: number } },
  ): Promise<void>;
  /** Forgets jobs that have expired. */
  abstract expire(): Promise<number>;
  /** Of these ids those that are jobs. */
  abstract known(ids: readonly string[]): Promise<string[]>;
}
