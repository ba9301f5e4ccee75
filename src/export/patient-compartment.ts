import type { Compartments } from '../search/compartments.js';
import type { ExtractedValues } from '../search/values.js';

/**
 * Whether a resource is in the compartment of a Patient for whom `isMember` holds; every Patient is in its own, whatever it refers to.
 * https://hl7.org/fhir/R4B/compartmentdefinition-patient.html
 */
export function inCompartment(
  compartments: Compartments,
  id: string,
  values: ExtractedValues,
  isMember: (patient: string) => boolean,
): boolean {
  if (values.resourceType === 'Patient' && isMember(id)) return true;
  return compartments.parametersOf('Patient', values.resourceType).some((code) => {
    const found = values.get(code);
    return (
      found?.type === 'reference' &&
      found.values.some(({ type, id: patient }) => type === 'Patient' && patient !== undefined && isMember(patient))
    );
  });
}

/** Ids of the Patients that a Group names as members and that are not marked as inactive. */
export function patientsOfGroup(group: string, bases: readonly string[]): Set<string> {
  const { member = [] } = JSON.parse(group) as { member?: { entity?: { reference?: string }; inactive?: boolean }[] };
  const patients = new Set<string>();
  for (const { entity, inactive } of member) {
    const id = inactive === true ? undefined : patientOf(entity?.reference ?? '', bases);
    if (id !== undefined) patients.add(id);
  }
  return patients;
}

function patientOf(reference: string, bases: readonly string[]): string | undefined {
  const base = bases.find((one) => reference.startsWith(`${one}/`));
  const local = base === undefined ? reference : reference.slice(base.length + 1);
  return /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/.+)?$/.exec(local)?.[1];
}
