/**
 * The layout of a candidate's record: what the network said about one prior, as words that go from the candidates to
 * the kept faces and back to the host. It follows from the table of heads:
 *
 *     key, prior, [class, where there are several], the box's numbers, then each further head's
 */

/** A head whose numbers a record holds. */
export interface RecordHead {
  readonly name: string;
  /** Numbers for each anchor. */
  readonly width: number;
}

/** What records are made of. */
export interface RecordSpec {
  /** Logits for each anchor, the background's first. */
  readonly classes: number;
  readonly box: RecordHead;
  readonly others: readonly RecordHead[];
}

/** Places of the words in a record. */
export interface RecordLayout {
  readonly key: number;
  readonly prior: number;
  /** Absent where there is one class: it is known then. */
  readonly label: number | undefined;
  /** First word of each head, box first. */
  readonly heads: readonly (RecordHead & { readonly at: number })[];
  /** Words of a record. */
  readonly words: number;
}

/** Background and one class. */
const TWO_CLASSES = 2;

/** Places of the words in a record. */
export function recordLayout({ classes, box, others }: RecordSpec): RecordLayout {
  let words = 0;
  const [key, prior] = [words++, words++];
  const label = classes > TWO_CLASSES ? words++ : undefined;
  const heads = [box, ...others].map((head) => {
    words += head.width;
    return { ...head, at: words - head.width };
  });
  return { key, prior, label, heads, words };
}
