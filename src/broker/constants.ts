/** Numbers that the hot path compares with, and their names; in a file of their own, so that the bundler puts them in place. */

/** Where a connection is in its life. */
export const AWAITING_CONNECT = 0;
export const CONNECTED = 1;
export const CLOSED = 2;
/** CONNECT came, and AUTH is to follow: the client has not shown yet who it is. */
export const AUTHENTICATING = 3;
/** CONNECT came, and its password is being checked: nothing is read meanwhile. */
export const LOGGING_IN = 4;
export type ClientState =
	| typeof AWAITING_CONNECT
	| typeof AUTHENTICATING
	| typeof LOGGING_IN
	| typeof CONNECTED
	| typeof CLOSED;

/** Frames of 3.1 and 3.1.1 look the same, those of 5.0 do not. */
export type FrameLevel = 3 | 5;

/** What an outgoing QoS 1 or 2 message waits for. */
export const AWAITING_PUBACK = 1;
export const AWAITING_PUBREC = 2;
export const AWAITING_PUBCOMP = 3;

/** Packet types, and the first octets of acknowledgements. */
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const PUBACK_HEADER = 0x40;
export const PUBREC_HEADER = 0x50;
export const PUBREL_HEADER = 0x62;
export const PUBCOMP_HEADER = 0x70;

/** From PUBACK on, for the log. */
export const ACK_NAMES: readonly string[] = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"];

/** First octets of plain messages: QoS 0 to 2, neither DUP nor RETAIN; so they can go on as they are ([MQTT-3.3.1-3]). */
export const PLAIN_QOS_0 = 0x30;
export const PLAIN_QOS_1 = 0x32;
export const PLAIN_QOS_2 = 0x34;

/** Reason codes of acknowledgements. From FAILURE on they say that something failed. */
export const SUCCESS = 0x00;
export const NO_MATCHING_SUBSCRIBERS = 0x10;
export const FAILURE = 0x80;
export const PACKET_IDENTIFIER_NOT_FOUND = 0x92;

/** The longest frame whose remaining length is one octet. */
export const SHORT_FRAME = 129;

/** Octets that may wait for a slow connection; then QoS 0 is dropped and other messages queue in the session. */
export const OUTPUT_LIMIT = 1_048_576;
/** Octets that may wait for a connection, with answers to what it sends; then it is not read until it has drained. */
export const ANSWER_LIMIT = 2_097_152;
