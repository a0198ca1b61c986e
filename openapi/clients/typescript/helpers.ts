/** What a generator cannot make: answers without their problems, and pages one after the other. */

import type { Problem, RecordedEvent, StreamSetBack } from './parley/index.js';

/** The service answered with a problem, or not as its document says (then `problem` is undefined). */
export class Refused extends Error {
  constructor(readonly problem: Problem | undefined) {
    super(problem?.detail ?? problem?.title ?? 'an answer that the document does not know');
  }
}

type Answer<T> = { data?: T; error?: Problem | unknown };

/** Return an answer that is no problem; throws `Refused` for one. */
export function ok<T>(answer: Answer<T>): T {
  if (answer.data === undefined) throw new Refused(isProblem(answer.error) ? answer.error : undefined);
  return answer.data;
}

/** Whether something is a problem document (RFC 9457). */
export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'type' in value && 'status' in value;
}

/** Yield the items of all pages of a list. A cursor keeps D and K, so that all pages are of one state. */
export async function* items<T>(
  ask: (cursor: string | undefined) => Promise<Answer<{ items: Array<T>; next: string | null }>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  do {
    const page = ok(await ask(cursor));
    yield* page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

/** The log was set back, as to a backup: what was read may be wrong. Read it again from its beginning. */
export class SetBack extends Error {
  constructor(readonly notice: StreamSetBack) {
    super(notice.detail);
  }
}

/** Yield the events of a stream made by `streamFeed`, which connects again by itself; throws `SetBack`. */
export async function* events(
  stream: AsyncIterable<RecordedEvent | StreamSetBack>,
): AsyncGenerator<RecordedEvent, void> {
  for await (const message of stream) {
    if (message.type === '/problems/other-log') throw new SetBack(message);
    yield message;
  }
}
