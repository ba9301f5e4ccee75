import { createRequire } from 'node:module';
import { type Definitions, type ElementDefinition, definitions } from '../fhir/definitions.js';

/** What `fhirpath` knows of a FHIR version: the parts that differ between R4 and R4B. */
export interface FhirpathModel {
  choiceTypePaths: Record<string, readonly string[]>;
  pathsDefinedElsewhere: Record<string, string>;
  type2Parent: Record<string, string>;
  path2Type: Record<string, string>;
  path2TypeWithoutElements: Record<string, string>;
  path2Repeating: Record<string, boolean>;
  availableTypes: Set<string>;
}

/** `fhirpath` brings a model of R4, which lacks the types that R4B added and has others as they were: those are put in from the definitions. */
export function r4bModel(known: Definitions = definitions()): FhirpathModel {
  const r4 = createRequire(import.meta.url)('fhirpath/fhir-context/r4') as FhirpathModel;
  const model: FhirpathModel = {
    ...r4,
    choiceTypePaths: { ...r4.choiceTypePaths },
    pathsDefinedElsewhere: { ...r4.pathsDefinedElsewhere },
    type2Parent: { ...r4.type2Parent },
    path2Type: { ...r4.path2Type },
    path2TypeWithoutElements: { ...r4.path2TypeWithoutElements },
    path2Repeating: { ...r4.path2Repeating },
    availableTypes: new Set(r4.availableTypes),
  };
  for (const type of known.resourceTypes) addType(model, type, 'DomainResource', known);
  for (const type of ['CodeableReference', 'RatioRange']) addType(model, type, 'Element', known);
  return model;
}

function addType(model: FhirpathModel, type: string, parent: string, known: Definitions): void {
  model.type2Parent[type] ??= parent;
  model.availableTypes.add(type);
  const todo = [type];
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    for (const element of known.type(path)!.elements) {
      addElement(model, path, element);
      if (element.types[0] === `${path}.${element.name}`) todo.push(element.types[0]);
    }
  }
}

function addElement(model: FhirpathModel, owner: string, { name, types, list }: ElementDefinition): void {
  const isChoice = name.endsWith('[x]');
  const path = `${owner}.${isChoice ? name.slice(0, -3) : name}`;
  if (list) model.path2Repeating[path] = true;
  const [type = ''] = types;
  if (isChoice) model.choiceTypePaths[path] = types.map((each) => each.charAt(0).toUpperCase() + each.slice(1));
  else if (type === path) model.path2Type[path] = 'BackboneElement';
  else if (type.includes('.')) model.pathsDefinedElsewhere[path] = type;
  else if (name !== 'id') model.path2Type[path] = model.path2TypeWithoutElements[path] = type;
}
