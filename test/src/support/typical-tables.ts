/** A symbol's code and its length. */
export type HuffmanCode = (symbol: number) => readonly [code: number, length: number];

/** Codes by ITU-T T.81, annex C, from a table as a DHT segment holds it. */
function codesOf(hex: string): HuffmanCode {
  const bytes = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  const codes = new Map<number, readonly [number, number]>();
  const symbols = bytes.slice(16);
  let code = 0;
  for (let length = 1; length <= 16; length++) {
    for (let n = 0; n < bytes[length - 1]; n++)
      codes.set(symbols.shift() as number, [code++, length]);
    code *= 2;
  }
  return (symbol) => {
    const found = codes.get(symbol);
    if (!found) throw new Error(`the typical table has no code for ${symbol}`);
    return found;
  };
}

/** The typical tables of ITU-T T.81, K.3 to K.6, by their numbers in a scan header. */
export const TYPICAL: readonly { dc: HuffmanCode; ac: HuffmanCode }[] = [
  {
    dc: codesOf("00010501010101010100000000000000000102030405060708090a0b"),
    ac: codesOf(
      "0002010303020403050504040000017d01020300041105122131410613516107227114328191a108" +
        "2342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a43444546474849" +
        "4a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798" +
        "999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2" +
        "e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    ),
  },
  {
    dc: codesOf("00030101010101010101010000000000000102030405060708090a0b"),
    ac: codesOf(
      "00020102040403040705040400010277000102031104052131061241510761711322328108144291" +
        "a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748" +
        "494a535455565758595a636465666768696a737475767778797a82838485868788898a9293949596" +
        "9798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9da" +
        "e2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    ),
  },
];
