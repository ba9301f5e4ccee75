/** A parameter of a Parameters resource; undefined where there is nothing to say. */
export type Part = Record<string, unknown> | undefined;

/** A Parameters resource as text; what has nothing to say is left out of it. */
export const parametersText = (parts: readonly Part[]) =>
  JSON.stringify({ resourceType: 'Parameters', parameter: parts.filter((part) => part !== undefined) });

export const group = (name: string, parts: readonly Part[]): Part => ({ name, part: parts.filter((part) => part !== undefined) });

export const text = (name: string, value: string | undefined): Part =>
  value === undefined || value.trim() === '' ? undefined : { name, valueString: value };

export const code = (name: string, value: string | undefined): Part =>
  value === undefined ? undefined : { name, valueCode: value };

export const flag = (name: string, value: boolean): Part => ({ name, valueBoolean: value });

/** Numbers of events outgrow an integer of FHIR, so they are decimals here. */
export const number = (name: string, value: number): Part => ({ name, valueDecimal: value });

export const instant = (name: string, value: Date | undefined): Part =>
  value === undefined ? undefined : { name, valueInstant: value.toISOString() };
