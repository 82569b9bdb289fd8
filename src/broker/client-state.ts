/** Where a connection is in its life, and what it may let pile up: numbers that the hot path compares with. */

export const AWAITING_CONNECT = 0;
export const CONNECTED = 1;
export const CLOSED = 2;
export type ClientState = typeof AWAITING_CONNECT | typeof CONNECTED | typeof CLOSED;

/** Octets that may wait for a slow connection; then QoS 0 is dropped and other messages queue in the session. */
export const OUTPUT_LIMIT = 1_048_576;

/** Frames of 3.1 and 3.1.1 look the same, those of 5.0 do not. */
export type FrameLevel = 3 | 5;
