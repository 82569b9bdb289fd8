/**
 * What a Sparkplug aware server does (Sparkplug 3.0, section 10.1.4, tck-id-conformance-mqtt-aware-*): birth
 * certificates of edge nodes and devices are kept as retained messages below `$sparkplug/certificates`, and death
 * certificates of edge nodes, which mostly are wills of long ago, get the time at which they are handed out.
 */

import type { Properties, PublishView } from "../packet/packet.ts";
import type { Broker } from "./broker.ts";
import { levelCount, MAXIMUM_LEVELS } from "./routes.ts";

const CERTIFICATES = "$sparkplug/certificates/";

/**
 * Keeps a birth certificate, and hands it out to those who wait for it: the message that `view` tells of, but for its
 * topic and RETAIN flag. `topic` begins with `mountPoint`.
 */
export function publishCertificate(
	broker: Broker,
	topic: string,
	mountPoint: string,
	source: Uint8Array,
	view: PublishView,
	properties: Properties | null,
	expiresAt: number,
): void {
	const certificate = mountPoint + CERTIFICATES + topic.slice(mountPoint.length);
	const bytes = broker.host.utf8.encode(certificate);
	// No client could have subscribed to such a topic, nor could it be sent.
	if (bytes.length > 65535 || levelCount(certificate) > MAXIMUM_LEVELS) return;
	const { publication } = broker;
	const route = broker.routes.get(bytes, 0, bytes.length);
	view.retain = broker.settings.retainAvailable;
	publication.begin(route, source, view, properties, expiresAt, broker.seconds);
	broker.distribute(publication, route, null);
}
