/** The MQTT 3.1, 3.1.1 and 5.0 codec: bytes to packets and back. This is all that other folders import. */

export {
	type AckView,
	decodePacket,
	frameLength,
	PublishView,
	readAck,
	readProperties,
	readPublish,
} from "./decode.ts";
export {
	encodedLength,
	encodePacket,
	MAXIMUM_PACKET_SIZE,
	type PublishSource,
	publishLength,
	writeAck,
	writePublish,
} from "./encode.ts";
export * from "./packets.ts";
export { MqttError, Reason, type ReasonCode, reasonName, returnCodeFor } from "./reasons.ts";
export type { TextCodec } from "./text.ts";
export { isValidTopicFilter, isValidTopicName, topicMatches } from "./topics.ts";
