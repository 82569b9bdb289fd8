/** The MQTT client for 3.1, 3.1.1 and 5.0: library of the tools and of bridges, and the public TypeScript interface. */

export {
	type ConnackPacket,
	isValidTopicFilter,
	isValidTopicName,
	MAXIMUM_PACKET_SIZE,
	PROPERTIES,
	type Properties,
	type PropertyDefinition,
	PropertyKind,
	type ProtocolVersion,
	type Qos,
	Reason,
	reasonName,
	type SubscriptionRequest,
	topicMatches,
	type Will,
} from "../packet/packet.ts";
export { ClientError, type ClientHandler, type CloseReason, clientErrorText, Message } from "./handler.ts";
export { type ClientState, MqttClient } from "./mqtt-client.ts";
export type { ClientHost, ClientOptions, ReconnectOptions } from "./options.ts";
export type { PublishOptions } from "./publisher.ts";
