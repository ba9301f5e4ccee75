import type { Face } from '../fhir/change.js';
import type { Compartments } from '../search/compartments.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { topicAsBasic } from '../topics/topic-as-basic.js';
import { ExportFiles, FilesIncomplete } from './export-files.js';
import type { ExportFolder } from './export-folder.js';
import type { ExportJob, ExportJobs, ExportLease } from './export-jobs.js';
import type { ExportSource } from './export-source.js';
import { type ExportWalk, walksOf } from './export-walks.js';
import { inCompartment, patientsOfGroup } from './patient-compartment.js';
import { readFilter } from './read-export.js';
import { type Selection, selectLines } from './select-lines.js';

export interface ExportParts {
  jobs: ExportJobs;
  source: ExportSource;
  folder: ExportFolder;
  semantics: SearchSemantics;
  /** Learns which search parameters there are. */
  follow: () => Promise<void>;
  compartments: Compartments;
  /** A stored text as anybody may see it. */
  mask: (resource: { type: string; id: string; body: string }) => string;
  onError: (resource: string, error: unknown) => void;
  leaseSeconds: number;
  keepHours: number;
}

export type ExportRun = { kind: 'done'; lines: number } | { kind: 'lost' } | { kind: 'stopped' };

/**
 * Works on a job from where it stands to its end: a page is read, its lines are appended and on the disk, then the place is kept. A process
 * that dies anywhere leaves a job that another goes on with, every resource once.
 * @throws whatever went wrong; the job stands where it was kept last
 */
export async function runExport(lease: ExportLease, parts: ExportParts, stop: AbortSignal): Promise<ExportRun> {
  const { jobs, folder, source } = parts;
  const { job } = lease;
  const opened = await openFiles(lease, parts);
  if (opened === 'lost') return { kind: 'lost' };
  const { files, place } = opened;
  try {
    const { until, since } = boundsOf(job);
    const selections = await selectionsOf(job, parts);
    for (const [index, walk] of walksOf(job.definition).entries()) {
      if (index < place.walk) continue;
      const only = await selections.candidates(walk);
      let after = index === place.walk ? place.id : '';
      for (;;) {
        if (stop.aborted) return { kind: 'stopped' };
        const page = await source.page(walk.stored, after, { until, since }, only);
        const last = page.at(-1);
        if (last === undefined) break;
        for (const { file, text, lines } of selectLines(page, selections.of(walk))) await files.append(file, text, lines);
        await files.sync();
        after = last.id;
        if (!(await jobs.advance(lease, { walk: index, id: after }, files.states(), parts.leaseSeconds))) return { kind: 'lost' };
      }
    }
    const lines = files.states().reduce((sum, file) => sum + file.lines, 0);
    return (await jobs.finish(lease, parts.keepHours)) ? { kind: 'done', lines } : { kind: 'lost' };
  } finally {
    await files.close();
    // Forgotten while it was worked on: what lies in the folder belongs to nobody.
    if ((await jobs.known([job.id]).catch(() => [job.id])).length === 0) await folder.remove(job.id);
  }
}

/** The files as far as they count; where they lie elsewhere, or are not what they should be, the job begins anew here. */
async function openFiles(
  lease: ExportLease,
  { jobs, folder }: ExportParts,
): Promise<{ files: ExportFiles; place: ExportJob['place'] } | 'lost'> {
  const { job } = lease;
  const here = await folder.id();
  if (job.folder === here) {
    try {
      return { files: await ExportFiles.open(folder.of(job.id), job.files), place: job.place };
    } catch (error) {
      if (!(error instanceof FilesIncomplete)) throw error;
    }
  }
  if (!(await jobs.begin(lease, here))) return 'lost';
  return { files: await ExportFiles.open(folder.of(job.id), []), place: { walk: 0, id: '' } };
}

function boundsOf({ transactionTime, definition }: ExportJob): { until: Date; since?: Date } {
  return { until: transactionTime, ...(definition.since === undefined ? {} : { since: new Date(definition.since) }) };
}

interface Selections {
  of(walk: ExportWalk): Selection;
  /** Ids among which is all that is selected in a walk, in order; undefined: every resource has to be looked at. */
  candidates(walk: ExportWalk): Promise<string[] | undefined>;
}

async function selectionsOf(job: ExportJob, parts: ExportParts): Promise<Selections> {
  const { face, filters } = job.definition;
  await parts.follow();
  const queries = filters.map((filter) => readFilter(parts.semantics, filter, job.transactionTime.getTime()));
  const { belongs, members } = await membership(job, parts);
  return {
    of: (walk) => ({
      type: walk.shown,
      shown: (id, body) => shownAs(walk, face, parts.mask({ type: walk.stored, id, body })),
      semantics: parts.semantics,
      filters: queries.filter(({ type }) => type === walk.shown),
      belongs,
      onError: (id, error) => parts.onError(`${walk.stored}/${id}`, error),
    }),
    candidates: async (walk) => (members === undefined ? undefined : candidatesOf(walk, members, job, parts)),
  };
}

/**
 * What a Group of few is about is found by the index of search instead of walking all that is stored. The index knows what is current: what has changed
 * since is looked at, too, with `_since` all that has changed since then, for the sake of what was deleted.
 */
async function candidatesOf(
  { stored, shown }: ExportWalk,
  members: ReadonlySet<string>,
  job: ExportJob,
  { source, compartments }: ExportParts,
): Promise<string[] | undefined> {
  if (members.size > MOST_MEMBERS || stored !== shown) return undefined;
  const { until, since } = boundsOf(job);
  return source.candidates(stored, {
    keys: [...members].flatMap((id) => compartments.keysOf('Patient', id, [stored])),
    ids: stored === 'Patient' ? [...members] : [],
    after: since !== undefined && since < until ? since : until,
    most: MOST_CANDIDATES,
  });
}

/** Bounds of what is kept in memory for the length of a walk. */
const MOST_MEMBERS = 200;
const MOST_CANDIDATES = 20_000;

function shownAs(walk: ExportWalk, face: Face, body: string): string {
  return face === 'r4' && walk.stored === 'SubscriptionTopic' ? topicAsBasic(body) : body;
}

/** Who is a member is settled at the transaction time, like everything else. */
async function membership(
  { definition, transactionTime }: ExportJob,
  parts: ExportParts,
): Promise<{ belongs?: Selection['belongs']; members?: ReadonlySet<string> }> {
  const { level } = definition;
  const { compartments, semantics } = parts;
  if (level.kind === 'system') return {};
  if (level.kind === 'patient') return { belongs: (id, values) => inCompartment(compartments, id, values, () => true) };
  const group = await parts.source.bodyAt('Group', level.id, transactionTime);
  const members = patientsOfGroup(group ?? '{}', semantics.bases);
  return { belongs: (id, values) => inCompartment(compartments, id, values, (patient) => members.has(patient)), members };
}
