/** One matter from its opening to a live follower, with the generated client: `story.js URL`. Fails where it differs. */

import assert from 'node:assert/strict';

import { events, items, ok, Refused } from './helpers.js';
import {
  appendEvents,
  type Batch,
  correctEvent,
  type FactEvent,
  getBetween,
  getEvent,
  getRestriction,
  listChanges,
  listEvents,
  openIssue,
  type RecordedEvent,
  type Report,
  type RestrictionImposed,
  streamFeed,
} from './parley/index.js';
import { client } from './parley/client.gen.js';

const issue = 'trout-duty';
const item = 'norway-trout-duty';
const imposedId = '01957000-0000-7000-8000-000000000003';
const reports: Array<Report> = [{ outlet: 'Fiskebladet', published: '2025-03-13' }];

function imposed(rate: number): { type: 'restriction.imposed' } & RestrictionImposed {
  return {
    type: 'restriction.imposed',
    id: imposedId,
    issues: [issue],
    item,
    occurred: '2025-03-10',
    imposed_by: 'NO',
    against: ['IS'],
    instrument: 'tariff',
    goods: [{ name: 'trout', hs: '030211' }],
    rate_percent: rate,
    reports,
  };
}

function suspended(occurred: string): FactEvent {
  return { type: 'restriction.suspended', issues: [issue], item, occurred, reports };
}

async function record(event: FactEvent): Promise<number> {
  const receipt = ok(await appendEvents({ body: { events: [event] } }));
  assert('position' in receipt);
  return receipt.position;
}

async function refusal(body: Batch): Promise<string> {
  try {
    ok(await appendEvents({ body }));
  } catch (error) {
    if (error instanceof Refused && error.problem) return `${error.problem.status} ${error.problem.type}`;
    throw error;
  }
  throw new Error('the service took what it must refuse');
}

client.setConfig({ baseUrl: process.argv[2] ?? 'http://127.0.0.1:8000' });

ok(
  await openIssue({
    body: {
      id: issue,
      title: 'Norwegian duty on Icelandic trout',
      summary: 'Norway charges a duty on trout from Iceland.',
      parties: ['NO', 'IS'],
      occurred: '2025-03-04',
      reports,
    },
  }),
);
const before = await record(imposed(15));
const after = ok(
  await correctEvent({
    path: { event_id: imposedId },
    body: { event: imposed(25), reason: 'The paper had the rate of last year.', reports },
  }),
).position;
console.log(`opened, recorded at ${before}, corrected at ${after}`);

for (const [known_position, rate] of [[before, 15], [after, 25]] as const) {
  const state = ok(await getRestriction({ path: { item }, query: { as_of: '2025-03-20', known_position } }));
  assert.equal(state.status, 'in_force');
  assert.equal(state.rate_percent, rate);
}
const between = ok(await getBetween({ query: { between: 'NO,IS', as_of: '2025-03-20' } }));
assert.deepEqual(between.a_on_b.restriction?.map((each) => each.id), [item]);
const changes = ok(await listChanges({ query: { from: '2025-03-01', to: '2025-03-31', issue } }));
const changed = changes.items.flatMap((each) => (each.kind === 'restriction' ? [[each.day, each.after.status]] : []));
assert.deepEqual(changed, [['2025-03-10', 'in_force']]);
const reading = ok(await getEvent({ path: { event_id: imposedId } }));
assert.equal(reading.records[0]?.type, 'record.corrected');
assert(reading.now?.type === 'restriction.imposed');
assert.equal(reading.now.rate_percent, 25);
console.log(`as known at ${before} and ${after}: 15 and 25; between NO and IS: ${item}`);

const seen: Array<RecordedEvent> = [];
const { stream } = await streamFeed({ query: { after: String(before - 1) }, sseMaxRetryAttempts: 3 });
const followed = (async () => {
  for await (const event of events(stream)) {
    seen.push(event);
    if (seen.length === 3) return;
  }
})();
await record(suspended('2025-04-02'));
await followed;
const types = seen.map((each) => each.type);
assert.deepEqual(types, ['restriction.imposed', 'record.corrected', 'restriction.suspended']);
const positions: Array<number> = [];
for await (const each of items((cursor) => listEvents({ query: { cursor, limit: 1 } }))) positions.push(each.position);
assert.deepEqual(positions, [1, 2, 3, 4]);
console.log(`followed live: ${types.join(', ')}`);

assert.equal(
  await refusal({ events: [suspended('2025-04-03')], expected_versions: { [issue]: 1 } }),
  '409 /problems/version-conflict',
);
assert.equal(await refusal({ events: [suspended('2025-04-31')] }), '422 /problems/malformed');
console.log('refused: 409 and 422, each by its type');
process.exit(0);
