/** Mean of the training images, subtracted from B, G, R. */
export const MEAN_BGR = [104, 117, 123] as const;
