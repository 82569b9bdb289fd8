/** Will messages, as they are published. */

import { PublishView, type Will } from "../packet/packet.ts";
import type { Broker } from "./broker.ts";
import type { Session } from "./session.ts";
import { publishCertificate } from "./sparkplug.ts";
import { stampPayload } from "./sparkplug-payload.ts";
import { BIRTH, CERTIFICATE, DEATH, mountedRole, NO_ROLE, type SparkplugRole } from "./sparkplug-topic.ts";

const view = new PublishView();

/** Publishes a will in the name of its session. */
export function publishWill(broker: Broker, session: Session, will: Will): void {
	const { utf8, clock } = broker.host;
	const topic = utf8.encode(will.topic);
	const route = broker.routes.get(topic, 0, topic.length);
	const role = roleOf(broker, session, will);
	if (route.reserved || role === CERTIFICATE) return;
	if (session.rights !== null && !session.rights.mayWrite(will.topic)) {
		broker.log.write("debug", `Denied will of ${session.clientId} ('${will.topic}')`);
		return;
	}
	let { payload, properties } = will;
	if (role === DEATH) payload = stampPayload(payload, 0, payload.length, clock.now()) ?? payload;
	view.qos = will.qos;
	// [MQTT-3.1.2-14], [MQTT-3.1.2-15], 3.1.1: [MQTT-3.1.2-16], [MQTT-3.1.2-17]
	view.retain = will.retain;
	view.payloadStart = 0;
	view.payloadEnd = payload.length;
	let expiresAt = 0;
	if (properties !== null) {
		const { willDelayInterval: _delay, messageExpiryInterval, ...forwarded } = properties;
		properties = forwarded; // [MQTT-3.1.3-10]
		if (messageExpiryInterval !== undefined) expiresAt = broker.seconds + messageExpiryInterval;
	}
	const { publication } = broker;
	publication.begin(route, payload, view, properties, expiresAt, broker.seconds);
	broker.distribute(publication, route, session);
	if (role !== BIRTH) return;
	publishCertificate(broker, will.topic, mountPointOf(session), payload, view, properties, expiresAt);
}

/** What the will is to the listener that it came in at. */
function roleOf(broker: Broker, session: Session, will: Will): SparkplugRole {
	if (!broker.settings.sparkplugAware && !session.listener?.sparkplugAware) return NO_ROLE;
	return mountedRole(will.topic, mountPointOf(session));
}

function mountPointOf({ mountPoint }: Session): string {
	return mountPoint;
}
