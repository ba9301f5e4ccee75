/**
 * Compiles the value sets and code systems of `hl7.fhir.r4b.core` (11 MB) into what searches by `:in`, `:not-in`, `:above` and `:below` need
 * of them, `dist/definitions/terminology.json`: `{"valueSets":[{url,version,compose}…],"codeSystems":[{url,version,content,concept}…]}`, cut
 * down to codes, their hierarchy and what they are chosen by. Runs under Node 20 too.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const CORE = new URL('../node_modules/hl7.fhir.r4b.core/', import.meta.url);
const OUT = new URL('../dist/definitions/', import.meta.url);

function resourcesOf(type) {
  return readdirSync(CORE)
    .filter((name) => name.startsWith(`${type}-`) && name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, CORE), 'utf8')))
    .filter(({ url }) => url !== undefined);
}

const slimInclude = ({ system, version, concept, filter, valueSet }) => ({
  system,
  version,
  concept: concept?.map(({ code }) => ({ code })),
  filter,
  valueSet,
});

const slimValueSet = ({ url, version, compose }) => ({
  url,
  version,
  compose: compose && { include: compose.include.map(slimInclude), exclude: compose.exclude?.map(slimInclude) },
});

const slimConcept = ({ code, concept }) => ({ code, concept: concept?.map(slimConcept) });

const slimCodeSystem = ({ url, version, content, concept }) => ({ url, version, content, concept: concept?.map(slimConcept) });

const text = JSON.stringify({
  valueSets: resourcesOf('ValueSet').map(slimValueSet),
  codeSystems: resourcesOf('CodeSystem').map(slimCodeSystem),
});
mkdirSync(OUT, { recursive: true });
// Two builds at once must not read each other's half-written file.
const unfinished = new URL(`terminology.json.${process.pid}`, OUT);
writeFileSync(unfinished, text);
renameSync(unfinished, new URL('terminology.json', OUT));
