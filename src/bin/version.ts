/** The version of this program: that of package.json, put in by the bundler. */

declare const __MQTTD_VERSION__: string | undefined;

/** `1.2.3`; `0.0.0-source` when run from the sources, unbundled. */
export const VERSION: string = typeof __MQTTD_VERSION__ === "string" ? __MQTTD_VERSION__ : "0.0.0-source";
