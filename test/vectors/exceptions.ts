/** What no wire case shows of all that the tables of the codec allow, each with the reason. */

function table(reasons: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, string>> {
	return Object.fromEntries(
		Object.entries(reasons).flatMap(([reason, items]) => items.map((item) => [item, reason])),
	);
}

export const NEVER_FROM_CLIENTS = table({});

export const NEVER_FROM_SERVER = table({
	"below 5.0 a server has no DISCONNECT": ["3.1 DISCONNECT", "3.1.1 DISCONNECT"],
	"only a client says so": [
		"DISCONNECT 0x00",
		"DISCONNECT 0x04",
		"AUTH 0x19",
		"DISCONNECT sessionExpiryInterval", // [MQTT-3.14.2-2]
	],
	"only a fault of our own would bring it": ["DISCONNECT 0x80"],
	"nothing fails without a better reason": [
		"CONNACK 0x80",
		"PUBACK 0x80",
		"PUBREC 0x80",
		"SUBACK 0x80",
		"UNSUBACK 0x80",
		"CONNACK 0x83",
		"SUBACK 0x83",
		"UNSUBACK 0x83",
		"DISCONNECT 0x83",
	],
	"as mosquitto, no answer to a CONNECT that cannot be read": ["CONNACK 0x81"],
	"as mosquitto, 0x87 for a wrong user name or password": ["CONNACK 0x86"],
	"needs an ACL file: test/unit/broker": ["SUBACK 0x87"],
	"needs scarce memory: test/unit/broker/limits.test.ts": ["PUBACK 0x97"],
	"UNSUBSCRIBE needs no right, and any topic filter that can be read may be named": ["UNSUBACK 0x87", "UNSUBACK 0x8f"],
	"a broker that is not there says nothing": ["CONNACK 0x88"],
	"nobody is banned, moved or throttled: mosquitto has no option for it": [
		"CONNACK 0x8a",
		"DISCONNECT 0x89",
		"DISCONNECT 0x96",
		"CONNACK 0x9c",
		"DISCONNECT 0x9c",
		"CONNACK 0x9d",
		"DISCONNECT 0x9d",
		"CONNACK 0x9f",
		"DISCONNECT 0x9f",
		"DISCONNECT 0xa0",
		"CONNACK serverReference",
		"DISCONNECT serverReference",
	],
	"an owner's tool disconnects clients; there is none yet": ["DISCONNECT 0x98"],
	"another method than CONNECT's is a protocol error ([MQTT-4.12.0-5])": ["DISCONNECT 0x8c"],
	"as mosquitto, an invalid topic filter is a malformed packet": ["SUBACK 0x8f", "DISCONNECT 0x8f"],
	"as mosquitto, an invalid topic name is a malformed packet": ["PUBACK 0x90", "PUBREC 0x90"],
	"a packet identifier that is used again is a repetition": [
		"PUBACK 0x91",
		"PUBREC 0x91",
		"SUBACK 0x91",
		"UNSUBACK 0x91",
	],
	"as mosquitto, PUBREC 0x97 answers what is beyond the receive maximum": ["DISCONNECT 0x93", "DISCONNECT 0x97"],
	"needs memory_limit: test/unit/broker": ["CONNACK 0x97"],
	"a payload is not looked at": ["CONNACK 0x99", "PUBACK 0x99", "PUBREC 0x99", "DISCONNECT 0x99"],
	"all of it is supported": [
		"SUBACK 0x9e",
		"DISCONNECT 0x9e",
		"SUBACK 0xa1",
		"DISCONNECT 0xa1",
		"SUBACK 0xa2",
		"DISCONNECT 0xa2",
		"CONNACK wildcardSubscriptionAvailable",
		"CONNACK subscriptionIdentifierAvailable",
		"CONNACK sharedSubscriptionAvailable",
	],
	"as mosquitto, there is no response information": ["CONNACK responseInformation"],
	"they never say that something failed": ["UNSUBACK reasonString", "AUTH reasonString"],
	"the broker has nothing to say in them; those of a PUBLISH are passed on": [
		"CONNACK userProperty",
		"PUBACK userProperty",
		"PUBREC userProperty",
		"PUBREL userProperty",
		"PUBCOMP userProperty",
		"SUBACK userProperty",
		"UNSUBACK userProperty",
		"DISCONNECT userProperty",
		"AUTH userProperty",
	],
});
