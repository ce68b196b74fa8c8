// The processes and rules of the services, read by the libraries under bpmn.io and Camunda Modeler:
// imported without a warning, nothing lost, every element drawn, no objection of bpmnlint; our own
// extension elements by their published description (spec/qifeng.moddle.json).
// Usage: node models_test.mjs SERVICES_FOLDER. Exit status 77: this Node is too old for them.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.log(`skipped: Node ${process.versions.node} is older than 20`);
  process.exit(77);
}
const { BpmnModdle } = await import('bpmn-moddle');
const { DmnModdle } = await import('dmn-moddle');
const require = createRequire(import.meta.url);
const { Linter } = require('bpmnlint');
const NodeResolver = require('bpmnlint/lib/resolver/node-resolver');

// What our processes do on purpose: an inclusive gateway asks those departments that the rules name;
// a task that several flows lead to is begun by each of them (BPMN 2.0.2, 13.3.1).
const LINT = {
  extends: 'bpmnlint:recommended',
  rules: { 'no-inclusive-gateway': 'off', 'fake-join': 'off' },
};

// A model that was found by process mining and is kept as it came: its gateways have no names, its shapes
// lie close, and the lanes that we gave it are not drawn.
const FOREIGN = ['environmental-permit-receipt'];

let failures = 0;
const fail = (file, text) => { failures += 1; console.log(`FAILED ${file}: ${text}`); };

const isForeign = (file) => FOREIGN.some((name) => file.includes(name));

// Attributes and elements of the text that became something in the model: all ids must be found.
function idsOf(text) {
  return [...text.matchAll(/\sid="([^"]+)"/g)].map((m) => m[1]);
}

function checkEqualIds(file, text, known) {
  for (const id of idsOf(text)) if (!known[id]) fail(file, `${id} was not read`);
}

function checkDrawnBpmn(file, definitions, elements) {
  const drawn = new Map();
  for (const diagram of definitions.diagrams) {
    for (const at of diagram.plane.planeElement) {
      drawn.set(at.bpmnElement?.id, at);
      const inside = at.bounds ? at.bounds.width > 0 && at.bounds.height > 0 : at.waypoint.length >= 2;
      if (!inside) fail(file, `${at.id} has no size`);
    }
  }
  for (const element of Object.values(elements)) {
    const visible = ['bpmn:FlowNode', 'bpmn:SequenceFlow', 'bpmn:Lane', 'bpmn:Participant',
      'bpmn:Artifact'].some((type) => element.$instanceOf?.(type));
    if (!visible || (isForeign(file) && element.$type === 'bpmn:Lane')) continue;
    if (!drawn.has(element.id)) fail(file, `${element.id} is not drawn`);
    const edge = drawn.get(element.id);
    if (element.$instanceOf('bpmn:SequenceFlow') && edge?.waypoint) checkEnds(file, element, edge, drawn);
  }
}

// A flow begins and ends on the border of what it connects.
function checkEnds(file, flow, edge, drawn) {
  const ends = [[flow.sourceRef, edge.waypoint[0]], [flow.targetRef, edge.waypoint.at(-1)]];
  for (const [node, point] of ends) {
    const b = drawn.get(node.id).bounds;
    const inX = point.x >= b.x - 1 && point.x <= b.x + b.width + 1;
    const inY = point.y >= b.y - 1 && point.y <= b.y + b.height + 1;
    if (!inX || !inY) fail(file, `${flow.id} is drawn apart from ${node.id}`);
  }
}

// Every element and attribute of our namespace is one that the description knows.
function checkExtensions(file, elements) {
  let count = 0;
  const check = (at, owner) => {
    if (!at.$type?.startsWith('qf:')) return;
    count += 1;
    if (at.$descriptor.isGeneric) fail(file, `${owner}: ${at.$type} is not described`);
    for (const name of Object.keys(at.$attrs)) fail(file, `${owner}: ${at.$type} has ${name}`);
    for (const child of [...(at.values ?? []), ...(at.fields ?? [])]) check(child, owner);
  };
  for (const element of Object.values(elements)) {
    for (const name of Object.keys(element.$attrs ?? {}))
      if (name.startsWith('qf:')) fail(file, `${element.id}: ${name} is not described`);
    for (const at of element.extensionElements?.values ?? []) check(at, element.id);
  }
  return count;
}

async function checkProcess(file) {
  const text = readFileSync(file, 'utf8');
  const described = JSON.parse(readFileSync(join(folder, '../spec/qifeng.moddle.json'), 'utf8'));
  const { rootElement, elementsById, references, warnings } =
    await new BpmnModdle({ qf: described }).fromXML(text);
  for (const warning of warnings) fail(file, warning.message);
  for (const r of references) if (!elementsById[r.id]) fail(file, `${r.element.id}: ${r.id} is nowhere`);
  // Ids within extension elements of others are not the model's.
  checkEqualIds(file, text, elementsById);
  checkDrawnBpmn(file, rootElement, elementsById);
  const own = checkExtensions(file, elementsById);
  if (own !== (text.match(/<qf:/g) ?? []).length) fail(file, `${own} extension elements were read`);
  if (isForeign(file)) return `${Object.keys(elementsById).length} elements, kept as it came`;
  const found = await new Linter({ config: LINT, resolver: new NodeResolver() }).lint(rootElement);
  let objections = 0;
  for (const [rule, reports] of Object.entries(found))
    for (const report of reports) {
      objections += 1;
      if (report.category !== 'error') console.log(`note ${file}: ${report.id}: ${report.message} (${rule})`);
      else fail(file, `${report.id}: ${report.message} (bpmnlint ${rule})`);
    }
  return `${Object.keys(elementsById).length} elements, ${objections} objections`;
}

function checkDrawnDmn(file, definitions, elements) {
  const drawn = new Set();
  for (const diagram of definitions.dmnDI.diagrams)
    for (const at of diagram.diagramElements) drawn.add(at.dmnElementRef.id);
  for (const element of Object.values(elements)) {
    const type = element.$type;
    if (['dmn:Decision', 'dmn:InputData', 'dmn:InformationRequirement'].includes(type) &&
        !drawn.has(element.id)) fail(file, `${element.id} is not drawn`);
    const href = element.requiredInput?.href ?? element.requiredDecision?.href;
    if (href && !elements[href.slice(1)]) fail(file, `${element.id}: ${href} is nowhere`);
    if (type === 'dmn:DecisionTable') checkTable(file, element);
  }
}

function checkTable(file, table) {
  for (const rule of table.rule) {
    if (rule.inputEntry.length !== table.input.length ||
        rule.outputEntry.length !== table.output.length) fail(file, `${rule.id} has other columns`);
    if (!rule.annotationEntry?.[0]?.text) fail(file, `${rule.id} cites nothing`);
  }
}

async function checkRules(file) {
  const text = readFileSync(file, 'utf8');
  const { rootElement, elementsById, warnings } = await new DmnModdle().fromXML(text);
  for (const warning of warnings) fail(file, warning.message);
  checkEqualIds(file, text, elementsById);
  checkDrawnDmn(file, rootElement, elementsById);
  const again = await new DmnModdle().toXML(rootElement);
  if (idsOf(again.xml).length !== idsOf(text).length) fail(file, 'written again it has other elements');
  return `${Object.keys(elementsById).length} elements`;
}

const folder = process.argv[2];
let count = 0;
for (const name of readdirSync(folder).sort()) {
  for (const [part, check] of [['process.bpmn', checkProcess], ['rules.dmn', checkRules]]) {
    const file = join(folder, name, part);
    if (!existsSync(file)) continue;
    count += 1;
    console.log(`${file}: ${await check(file)}`);
  }
}
if (count === 0) fail(folder, 'no models');
process.exit(failures > 0 ? 1 : 0);
