/**
 * The MQTT 3.1, 3.1.1 and 5.0 codec: bytes to packets and back. This is all that other folders import. Peers need
 * nothing beyond the specifications (3.1.1: [MQTT-7.0.0-2]).
 */

export { type AckView, readAck, writeAck } from "./ack.ts";
export { connectVersion } from "./connect.ts";
export { decodePacket } from "./decode.ts";
export { encodedLength, encodePacket } from "./encode.ts";
export { frameLength, MAXIMUM_PACKET_SIZE } from "./frame.ts";
export * from "./packets.ts";
export { PROPERTIES, type PropertyDefinition, PropertyKind, type PropertyOwner, WILL } from "./properties.ts";
export { type PublishSource, PublishView, publishLength, readPublish, writePublish } from "./publish.ts";
export { readProperties } from "./read.ts";
export {
	hasReturnCode,
	isServerDisconnect,
	MqttError,
	REASONS,
	Reason,
	type ReasonCode,
	type ReasonDefinition,
	reasonName,
	returnCodeFor,
} from "./reasons.ts";
export { hasUnwanted, type TextCodec } from "./text.ts";
export { isValidTopicFilter, isValidTopicName, topicMatches } from "./topics.ts";
export { propertyListLength, writePropertyList } from "./write.ts";
