'use strict';
'require baseclass';

/* Made from the option table in src/config by scripts/luci-options.ts: changes here are lost. */

var GROUPS = {
	mqttd: [
		{ name: 'basics', title: _('Basics'), isMain: true, options: [
			{ name: 'enabled', title: _('Enabled'), doc: _('Whether the broker is started.'), kind: 'flag', default: '1' },
			{ name: 'allow_anonymous', title: _('Allow anonymous'), doc: _('Whether clients may connect without a user name. Default: false; true when the broker listens on loopback only.'), kind: 'choice', values: [ '1', '0' ], isFlag: true, example: 'true' },
			{ name: 'use_uci', title: _('Use UCI'), doc: _('0: all other options here are passed over, and those of config_file hold.'), kind: 'flag', default: '1' },
			{ name: 'config_file', title: _('Config file'), doc: _('File in the format of mosquitto.conf, for use_uci 0.'), kind: 'text', default: '/etc/mqttd/mqttd.conf' },
			{ name: 'mdns', title: _('mDNS'), doc: _('Whether listeners are announced (mDNS), but for those on this router only.'), kind: 'flag', default: '0' },
			{ name: 'jail', title: _('Jail'), doc: _('Whether the broker runs in a jail of procd, where the system can; without one where it cannot.'), kind: 'flag', default: '0' },
			{ name: 'max_open_files', title: _('Max open files'), doc: _('Connections and files at once at most.'), kind: 'text', default: '4096', datatype: 'and(integer,min(64),max(1000000))' }
		] },
		{ name: 'group0', title: _('Who may do what'), isMain: false, options: [
			{ name: 'allow_zero_length_clientid', title: _('Allow zero length client identifier'), doc: _('Whether clients may connect without a client identifier and be given one.'), kind: 'flag', default: '1' },
			{ name: 'acl_file', title: _('ACL file'), doc: _('File that says who may publish and subscribe to what; without it everybody may everything.'), kind: 'text', example: '/etc/mqttd/acl' },
			{ name: 'password_file', title: _('Password file'), doc: _('File with user names and password hashes.'), kind: 'text', example: '/etc/mqttd/passwd' },
			{ name: 'psk_file', title: _('PSK file'), doc: _('File with identities and pre-shared keys for TLS-PSK: `identity:key` in each line, the key in hexadecimal digits.'), kind: 'text', example: '/etc/mqttd/psk' },
			{ name: 'check_retain_source', title: _('Check retain source'), doc: _('Whether access rights of a retained message\'s publisher are checked again before it is delivered.'), kind: 'flag', default: '1' },
			{ name: 'enable_control_api', title: _('Enable control API'), doc: _('Whether `$CONTROL/broker/v1` answers; give access to it to few.'), kind: 'flag', default: '0' }
		] },
		{ name: 'group2', title: _('Limits'), isMain: false, options: [
			{ name: 'max_inflight_bytes', title: _('Max inflight bytes'), doc: _('Octets of QoS 1 and 2 payload in flight for each client; 0 is no limit.'), kind: 'text', default: '0', datatype: 'and(integer,min(0))' },
			{ name: 'max_inflight_messages', title: _('Max inflight messages'), doc: _('QoS 1 and 2 messages in flight for each client; 0 is no limit.'), kind: 'text', default: '20', datatype: 'and(integer,min(0),max(65535))' },
			{ name: 'max_keepalive', title: _('Max keep alive'), doc: _('Longest keep alive of MQTT 5 clients in seconds; 0 is no limit.'), kind: 'text', default: '0', datatype: 'and(integer,min(0),max(65535))' },
			{ name: 'max_packet_size', title: _('Max packet size'), doc: _('Octets of the longest packet that is accepted.'), kind: 'text', default: '2000000', datatype: 'and(integer,min(20))' },
			{ name: 'max_queued_bytes', title: _('Max queued bytes'), doc: _('Octets of payload queued for each client; 0 is no limit.'), kind: 'text', default: '0', datatype: 'and(integer,min(0))' },
			{ name: 'max_queued_messages', title: _('Max queued messages'), doc: _('Messages queued for each client beyond those in flight; 0 is no limit.'), kind: 'text', default: '1000', datatype: 'and(integer,min(0),max(2147483647))' },
			{ name: 'global_max_clients', title: _('Global max clients'), doc: _('Clients, connected or with a session that waits for them, in all; -1 is no limit.'), kind: 'text', datatype: 'and(integer,min(-1))' },
			{ name: 'global_max_connections', title: _('Global max connections'), doc: _('Clients connected at once in all; -1 is no limit.'), kind: 'text', datatype: 'and(integer,min(-1))' },
			{ name: 'memory_limit', title: _('Memory limit'), doc: _('Octets of memory for clients and messages before more of them are refused; 0 is no limit.'), kind: 'text', default: '0', datatype: 'and(integer,min(0))' }
		] },
		{ name: 'group3', title: _('Messages and sessions'), isMain: false, options: [
			{ name: 'persistent_client_expiration', title: _('Persistent client expiration'), doc: _('Time (h, d, w, m, y) after which the session of a client that is away ends. Default: never.'), kind: 'text', example: '14d', pattern: '^[0-9]{1,9}[shdwmy]?$', expected: _('Expecting: a number followed by s, h, d, w, m or y') },
			{ name: 'queue_qos0_messages', title: _('Queue QoS 0 messages'), doc: _('Whether QoS 0 messages are queued for clients that are away.'), kind: 'flag', default: '0' },
			{ name: 'retain_available', title: _('Retain available'), doc: _('Whether retained messages are supported.'), kind: 'flag', default: '1' },
			{ name: 'upgrade_outgoing_qos', title: _('Upgrade outgoing QoS'), doc: _('Whether a subscription\'s QoS is used even where the message\'s is lower.'), kind: 'flag', default: '0' },
			{ name: 'retain_expiry_interval', title: _('Retain expiry interval'), doc: _('Minutes between looks for retained messages that have expired and that nobody asked for.'), kind: 'text', default: '1', datatype: 'and(integer,min(1),max(10000000))' },
			{ name: 'sys_interval', title: _('$SYS interval'), doc: _('Seconds between updates of $SYS; 0 is none.'), kind: 'text', default: '10', datatype: 'and(integer,min(0),max(65535))' }
		] },
		{ name: 'group5', title: _('Log'), isMain: false, options: [
			{ name: 'connection_messages', title: _('Connection messages'), doc: _('Whether it is logged when clients connect and disconnect.'), kind: 'flag', default: '1' },
			{ name: 'log_dest', title: _('Log destination'), doc: _('Where log lines go: stdout, stderr, syslog, topic, none, file PATH; repeat for more. Default: stderr.'), kind: 'list', example: 'stderr' },
			{ name: 'log_type', title: _('Log type'), doc: _('What is logged: error, warning, notice, information, subscribe, unsubscribe, websockets, debug, none, all; repeat for more.'), kind: 'several', values: [ 'error', 'warning', 'notice', 'information', 'subscribe', 'unsubscribe', 'websockets', 'debug', 'none', 'all' ], example: 'information' }
		] },
		{ name: 'group6', title: _('ubus'), isMain: false, options: [
			{ name: 'ubus', title: _('Ubus'), doc: _('Whether the broker is on OpenWrt\'s message bus; the path of ubusd\'s socket where it is another one; auto is where there is such a socket.'), kind: 'text', default: 'auto' },
			{ name: 'event', title: _('Event'), doc: _('Event of ubus that is published to a topic, `%e` in which is the event\'s name, or topic whose messages are sent as an event: only those that are named. The payload is the event\'s data as JSON. Repeat for more.'), kind: 'list', example: 'network.interface -> openwrt/network retain' }
		] },
		{ name: 'group7', title: _('The process'), isMain: false, options: [
			{ name: 'set_tcp_nodelay', title: _('Set TCP no delay'), doc: _('Whether small packets are sent without waiting for more.'), kind: 'flag', default: '1' }
		] }
	],
	persistence: [
		{ name: 'group4', title: _('Persistence'), isMain: false, options: [
			{ name: 'persistence', title: _('Persistence'), doc: _('Whether messages and sessions outlive the process.'), kind: 'flag', default: '0' },
			{ name: 'file', title: _('File'), doc: _('File name of mosquitto\'s database, mosquitto.db by default, which is read at the first start and never written; ours is mqttd.db, or NAME.mqttd.db for another NAME.db.'), kind: 'text', example: 'mosquitto.db' },
			{ name: 'location', title: _('Location'), doc: _('Directory of the database. Default: the present one.'), kind: 'text', example: '/var/lib/mqttd/' },
			{ name: 'durability', title: _('Durability'), doc: _('What is acknowledged is on the disk before (sync), is written within persist_interval (lazy), or is in memory only (ram).'), kind: 'choice', values: [ 'sync', 'lazy', 'ram' ], default: 'lazy' },
			{ name: 'persist_topic', title: _('Persist topic'), doc: _('A topic filter, and the durability of messages whose topics match it; the first that matches counts. Repeat for more.'), kind: 'list', example: 'alarm/# sync' },
			{ name: 'persist_interval', title: _('Persist interval'), doc: _('Seconds within which lazy changes are written.'), kind: 'text', default: '60', datatype: 'and(integer,min(1),max(86400))' },
			{ name: 'persist_octets', title: _('Persist octets'), doc: _('Octets of lazy changes, about, that are written sooner; 0 is no limit.'), kind: 'text', default: '131072', datatype: 'and(integer,min(0))' },
			{ name: 'autosave_interval', title: _('Autosave interval'), doc: _('Seconds, or changes, after which lazy changes are written, where that is sooner than persist_interval; 0 is at no time of its own.'), kind: 'text', default: '1800', datatype: 'and(integer,min(0),max(2147483647))' },
			{ name: 'autosave_on_changes', title: _('Autosave on changes'), doc: _('Whether autosave_interval counts changes.'), kind: 'flag', default: '0' },
			{ name: 'max_store_size', title: _('Max store size'), doc: _('Octets of the database beyond which nothing more is kept; 0 is no limit.'), kind: 'text', default: '0', datatype: 'and(integer,min(0))' },
			{ name: 'persist_daily_budget', title: _('Persist daily budget'), doc: _('Octets written a day beyond which there is a warning, to spare flash; 0 is none.'), kind: 'text', default: '0', datatype: 'and(integer,min(0))' }
		] }
	],
	listener: [
		{ name: 'basics', title: _('Basics'), isMain: true, options: [
			{ name: 'enabled', title: _('Enabled'), doc: _('Whether the listener is opened.'), kind: 'flag', default: '1', isColumn: true },
			{ name: 'port', title: _('Port'), doc: _('Port to listen on.'), kind: 'text', datatype: 'or("auto",and(port,min(1)))', isColumn: true },
			{ name: 'interface', title: _('Interface'), doc: _('Network of OpenWrt, such as lan, whose addresses are listened on, and followed when they change; while it has none, the listener waits.'), kind: 'network', example: 'lan', isColumn: true },
			{ name: 'bind_address', title: _('Bind address'), doc: _('Address or host name to listen on; all addresses without it.'), kind: 'text' },
			{ name: 'no_remote_access', title: _('No remote access'), doc: _('Whether only programs on this machine can connect: the listener is on loopback.'), kind: 'flag', default: '0' },
			{ name: 'protocol', title: _('Protocol'), doc: _('What is spoken: mqtt; websockets (MQTT over WebSocket); http_api (read-only HTTP); auto (ours: mqtt or websockets, as the client\'s first octet says).'), kind: 'choice', values: [ 'mqtt', 'websockets', 'http_api', 'auto' ], default: 'mqtt', isColumn: true },
			{ name: 'allow_anonymous', title: _('Allow anonymous'), doc: _('Whether clients may connect without a user name. Default: false; true when the broker listens on loopback only.'), kind: 'choice', values: [ '1', '0' ], isFlag: true, example: 'true' },
			{ name: 'firewall_zone', title: _('Firewall zone'), doc: _('Zone of the firewall, such as wan, from which the port can be reached; repeat for more. Clients of lan need none.'), kind: 'list' },
			{ name: 'path', title: _('Path'), doc: _('Path of a unix socket to listen on, in place of a port.'), kind: 'text' }
		] },
		{ name: 'group0', title: _('Who may do what'), isMain: false, options: [
			{ name: 'allow_zero_length_clientid', title: _('Allow zero length client identifier'), doc: _('Whether clients may connect without a client identifier and be given one.'), kind: 'choice', values: [ '1', '0' ], isFlag: true },
			{ name: 'acl_file', title: _('ACL file'), doc: _('File that says who may publish and subscribe to what; without it everybody may everything.'), kind: 'text', example: '/etc/mqttd/acl' },
			{ name: 'password_file', title: _('Password file'), doc: _('File with user names and password hashes.'), kind: 'text', example: '/etc/mqttd/passwd' },
			{ name: 'psk_file', title: _('PSK file'), doc: _('File with identities and pre-shared keys for TLS-PSK: `identity:key` in each line, the key in hexadecimal digits.'), kind: 'text', example: '/etc/mqttd/psk' }
		] },
		{ name: 'group8', title: _('Listeners'), isMain: false, options: [
			{ name: 'bind_interface', title: _('Bind interface'), doc: _('Network interface whose addresses are listened on.'), kind: 'text', example: 'br-lan' },
			{ name: 'socket_domain', title: _('Socket domain'), doc: _('Whether only ipv4 or only ipv6 is listened on.'), kind: 'choice', values: [ 'ipv4', 'ipv6' ], example: 'ipv4' },
			{ name: 'accept_protocol_versions', title: _('Accept protocol versions'), doc: _('Versions of MQTT that are accepted: any of 3 (3.1), 4 (3.1.1) and 5 (5.0), separated by commas or spaces.'), kind: 'text', default: '3,4,5' }
		] },
		{ name: 'group9', title: _('Clients of a listener'), isMain: false, options: [
			{ name: 'max_connections', title: _('Max connections'), doc: _('Clients connected at once; -1 is no limit.'), kind: 'text', datatype: 'and(integer,min(-1))' },
			{ name: 'max_qos', title: _('Max QoS'), doc: _('Highest QoS that clients may use.'), kind: 'text', default: '2', datatype: 'and(integer,min(0),max(2))' },
			{ name: 'max_topic_alias', title: _('Max topic alias'), doc: _('Topic aliases that an MQTT 5 client may set up.'), kind: 'text', default: '10', datatype: 'and(integer,min(0),max(65535))' },
			{ name: 'max_topic_alias_broker', title: _('Max topic alias broker'), doc: _('Topic aliases that the broker may set up for an MQTT 5 client.'), kind: 'text', default: '10', datatype: 'and(integer,min(0),max(65535))' },
			{ name: 'mount_point', title: _('Mount point'), doc: _('What stands before all topics of this listener\'s clients, who do not see it; usually with a slash at its end.'), kind: 'text', example: 'house/', datatype: 'maxlength(32767)' },
			{ name: 'plugin_use', title: _('Plugin use'), doc: _('Name, given by plugin_load, of a plugin for this listener.'), kind: 'list', example: 'sparkplug' }
		] },
		{ name: 'group10', title: _('WebSocket, HTTP and proxies'), isMain: false, options: [
			{ name: 'enable_proxy_protocol', title: _('Enable proxy protocol'), doc: _('Version of the PROXY protocol that is spoken before anything else: 1 or 2. Without trusted_proxy, whoever can connect can say to be anybody.'), kind: 'text', example: '2', datatype: 'and(integer,min(1),max(2))' },
			{ name: 'proxy_protocol_v2_require_tls', title: _('Proxy protocol v2 require TLS'), doc: _('Whether the proxy must have received the client over TLS.'), kind: 'flag', default: '0' },
			{ name: 'trusted_proxy', title: _('Trusted proxy'), doc: _('Proxies that are believed: with enable_proxy_protocol only they may connect, and over HTTP only their X-Forwarded-For counts; repeat for more.'), kind: 'list', example: '127.0.0.1' },
			{ name: 'allow_source', title: _('Allow source'), doc: _('Addresses that may connect, where not all may; repeat for more. Behind a trusted proxy, clients\' addresses.'), kind: 'list', example: '192.168.1.0/24 ::1' },
			{ name: 'deny_source', title: _('Deny source'), doc: _('Addresses that may not connect, also when allow_source has them; repeat for more.'), kind: 'list', example: '192.168.1.200' },
			{ name: 'http_dir', title: _('HTTP directory'), doc: _('Directory whose files are served over HTTP, where protocol is not mqtt. Hidden files, symbolic links and files of more than 1 MiB are not.'), kind: 'text', example: '/www/mqtt' },
			{ name: 'websockets_origin', title: _('WebSocket origin'), doc: _('Origin of web pages that may connect, such as http://192.168.1.1, where not all may; repeat for more.'), kind: 'list', example: 'http://192.168.1.1' },
			{ name: 'unix_socket_mode', title: _('Unix socket mode'), doc: _('Permissions of a unix socket as an octal number; by default its owner and group may connect.'), kind: 'text', example: '0660' },
			{ name: 'unix_socket_owner', title: _('Unix socket owner'), doc: _('User, or user and group (user:group), that a unix socket is given to.'), kind: 'text', example: 'mosquitto:mosquitto' }
		] },
		{ name: 'group11', title: _('TLS'), isMain: false, options: [
			{ name: 'certfile', title: _('Certificate file'), doc: _('File (PEM) with the certificate of the broker, then those of authorities between it and the root; switches TLS on.'), kind: 'text', example: '/etc/mqttd/server.crt' },
			{ name: 'keyfile', title: _('Key file'), doc: _('File (PEM) with the private key of the broker.'), kind: 'text', example: '/etc/mqttd/server.key' },
			{ name: 'cafile', title: _('CA file'), doc: _('File (PEM) with certificates of the authorities that clients\' certificates must be from.'), kind: 'text', example: '/etc/mqttd/ca.crt' },
			{ name: 'capath', title: _('CA path'), doc: _('Directory with such files (`.pem`, `.crt`, `.cer`).'), kind: 'text', example: '/etc/mqttd/ca' },
			{ name: 'crlfile', title: _('CRL file'), doc: _('File (PEM) with lists of revoked certificates.'), kind: 'text', example: '/etc/mqttd/crl.pem' },
			{ name: 'require_certificate', title: _('Require certificate'), doc: _('Whether clients need a certificate.'), kind: 'flag', default: '0' },
			{ name: 'disable_client_cert_date_checks', title: _('Disable client certificate date checks'), doc: _('Whether clients\' certificates may be out of date. On Node only those whose authority itself is in cafile or capath.'), kind: 'flag', default: '0' },
			{ name: 'use_identity_as_username', title: _('Use identity as user name'), doc: _('Whether the certificate\'s common name, or the identity of the pre-shared key, is the user name; no password then.'), kind: 'flag', default: '0' },
			{ name: 'use_subject_as_username', title: _('Use subject as user name'), doc: _('Whether the certificate\'s subject, as `CN=name,O=owner`, is the user name.'), kind: 'flag', default: '0' },
			{ name: 'tls_version', title: _('TLS version'), doc: _('Lowest version of TLS.'), kind: 'choice', values: [ 'tlsv1.2', 'tlsv1.3' ], default: 'tlsv1.2' },
			{ name: 'ciphers', title: _('Ciphers'), doc: _('Ciphers for TLS 1.2: OpenSSL\'s names with colons between, the most wanted first. Default: the good ones.'), kind: 'text', example: 'ECDHE-RSA-AES128-GCM-SHA256' },
			{ name: 'ciphers_tls13', title: _('Ciphers TLS 1.3'), doc: _('The same for TLS 1.3.'), kind: 'text', example: 'TLS_AES_128_GCM_SHA256' },
			{ name: 'psk_hint', title: _('PSK hint'), doc: _('Hint for TLS-PSK; switches TLS on, with the keys of psk_file.'), kind: 'text', example: 'hint' }
		] }
	],
	bridge: [
		{ name: 'basics', title: _('Basics'), isMain: true, options: [
			{ name: 'enabled', title: _('Enabled'), doc: _('Whether the bridge is used.'), kind: 'flag', default: '1', isColumn: true },
			{ name: 'connection', title: _('Connection'), doc: _('Name of the bridge; that of the section without it.'), kind: 'text', isColumn: true },
			{ name: 'address', title: _('Address'), doc: _('Host and port of the other broker; several for a choice.'), kind: 'text', isColumn: true },
			{ name: 'topic', title: _('Topic'), doc: _('What is shared with the other broker; repeat for more.'), kind: 'list' },
			{ name: 'remote_username', title: _('Remote user name'), doc: _('User name on the other broker.'), kind: 'text' },
			{ name: 'remote_password', title: _('Remote password'), doc: _('Password on the other broker.'), kind: 'secret' }
		] },
		{ name: 'group12', title: _('Bridges'), isMain: false, options: [
			{ name: 'alpn', title: _('ALPN'), doc: _('ALPN protocol of the TLS connection.'), kind: 'text' },
			{ name: 'attempt_unsubscribe', title: _('Attempt unsubscribe'), doc: _('Whether topics that are not subscribed to are unsubscribed from at connect.'), kind: 'flag', default: '1' },
			{ name: 'bind_address', title: _('Bind address'), doc: _('Local address to connect from.'), kind: 'text' },
			{ name: 'cafile', title: _('CA file'), doc: _('File with certificates of authorities for the other broker.'), kind: 'text' },
			{ name: 'capath', title: _('CA path'), doc: _('Directory with certificates of authorities for the other broker.'), kind: 'text' },
			{ name: 'certfile', title: _('Certificate file'), doc: _('File with the certificate of this bridge.'), kind: 'text' },
			{ name: 'ciphers', title: _('Ciphers'), doc: _('Ciphers for TLS 1.2.'), kind: 'text' },
			{ name: 'ciphers_tls13', title: _('Ciphers TLS 1.3'), doc: _('Ciphers for TLS 1.3.'), kind: 'text' },
			{ name: 'identity', title: _('Identity'), doc: _('Identity for TLS-PSK.'), kind: 'text' },
			{ name: 'insecure', title: _('Insecure'), doc: _('Whether the name in the other broker\'s certificate is not checked.'), kind: 'flag', default: '0' },
			{ name: 'keyfile', title: _('Key file'), doc: _('File with the private key of this bridge.'), kind: 'text' },
			{ name: 'max_packet_size', title: _('Max packet size'), doc: _('Octets of the longest packet that is sent to the other broker; 0 is no limit.'), kind: 'text', default: '0', datatype: 'and(integer,min(0))' },
			{ name: 'max_topic_alias', title: _('Max topic alias'), doc: _('Topic aliases that the other broker may set up.'), kind: 'text', default: '10', datatype: 'and(integer,min(0),max(65535))' },
			{ name: 'outgoing_retain', title: _('Outgoing retain'), doc: _('Whether the retain flag is kept on what is sent.'), kind: 'flag', default: '1' },
			{ name: 'protocol_version', title: _('Protocol version'), doc: _('Version of MQTT: 3.1, 3.1.1 or 5.0.'), kind: 'choice', values: [ 'mqttv31', 'mqttv311', 'mqttv50' ], default: 'mqttv311' },
			{ name: 'psk', title: _('PSK'), doc: _('Key for TLS-PSK in hexadecimal.'), kind: 'secret' },
			{ name: 'receive_maximum', title: _('Receive maximum'), doc: _('Messages that the other broker may have in flight. Default: that of max_inflight_messages.'), kind: 'text', datatype: 'and(integer,min(1),max(65535))' },
			{ name: 'reload_type', title: _('Reload type'), doc: _('Whether a reload takes effect at once (immediate) or at the next connect (lazy).'), kind: 'choice', values: [ 'lazy', 'immediate' ], default: 'lazy' },
			{ name: 'require_ocsp', title: _('Require OCSP'), doc: _('Whether the other broker must prove that its certificate is not revoked.'), kind: 'flag', default: '0' },
			{ name: 'session_expiry_interval', title: _('Session expiry interval'), doc: _('Seconds that the other broker keeps the session.'), kind: 'text', default: '0', datatype: 'and(integer,min(0),max(2147483647))' },
			{ name: 'tcp_keepalive', title: _('TCP keep alive'), doc: _('TCP keep alive. Default: none.'), kind: 'text' },
			{ name: 'tcp_user_timeout', title: _('TCP user timeout'), doc: _('Milliseconds that sent octets may stay unacknowledged. Default: the system\'s.'), kind: 'text', datatype: 'and(integer,min(0),max(2147483647))' },
			{ name: 'tls_use_os_certs', title: _('TLS use OS certificates'), doc: _('Whether the system\'s authorities are trusted.'), kind: 'flag', default: '0' },
			{ name: 'tls_version', title: _('TLS version'), doc: _('Version of TLS.'), kind: 'text' },
			{ name: 'cleansession', title: _('Clean session'), doc: _('Whether the other broker forgets the session at a disconnect.'), kind: 'flag', default: '0' },
			{ name: 'idle_timeout', title: _('Idle timeout'), doc: _('Seconds after which a lazy bridge disconnects.'), kind: 'text', default: '60', datatype: 'and(integer,min(1),max(2147483647))' },
			{ name: 'keepalive_interval', title: _('Keep alive interval'), doc: _('Seconds of the keep alive.'), kind: 'text', default: '60', datatype: 'and(integer,min(5),max(65535))' },
			{ name: 'local_cleansession', title: _('Local clean session'), doc: _('Whether this broker forgets the bridge\'s session. Default: that of cleansession.'), kind: 'choice', values: [ '1', '0' ], isFlag: true },
			{ name: 'local_clientid', title: _('Local client identifier'), doc: _('Client identifier on this broker.'), kind: 'text' },
			{ name: 'local_password', title: _('Local password'), doc: _('Password on this broker.'), kind: 'secret' },
			{ name: 'local_username', title: _('Local user name'), doc: _('User name on this broker.'), kind: 'text' },
			{ name: 'notification_topic', title: _('Notification topic'), doc: _('Topic of the bridge\'s state.'), kind: 'text' },
			{ name: 'notifications', title: _('Notifications'), doc: _('Whether the bridge publishes its state.'), kind: 'flag', default: '1' },
			{ name: 'notifications_local_only', title: _('Notifications local only'), doc: _('Whether the state is published on this broker only.'), kind: 'flag', default: '0' },
			{ name: 'remote_clientid', title: _('Remote client identifier'), doc: _('Client identifier on the other broker.'), kind: 'text' },
			{ name: 'restart_timeout', title: _('Restart timeout'), doc: _('Seconds before the next try. Default: 5 to 30.'), kind: 'text' },
			{ name: 'round_robin', title: _('Round robin'), doc: _('Whether addresses are used in turn.'), kind: 'flag', default: '0' },
			{ name: 'start_type', title: _('Start type'), doc: _('When the bridge connects: always, when messages wait, or once.'), kind: 'choice', values: [ 'automatic', 'lazy', 'once' ], default: 'automatic' },
			{ name: 'threshold', title: _('Threshold'), doc: _('Messages queued before a lazy bridge connects.'), kind: 'text', default: '10', datatype: 'and(integer,min(1),max(2147483647))' },
			{ name: 'try_private', title: _('Try private'), doc: _('Whether the other broker is told that this is a bridge.'), kind: 'flag', default: '1' }
		] }
	],
	plugin: [
		{ name: 'basics', title: _('Basics'), isMain: true, options: [
			{ name: 'enabled', title: _('Enabled'), doc: _('Whether the plugin is used.'), kind: 'flag', default: '1', isColumn: true },
			{ name: 'path', title: _('Path'), doc: _('Path of the plugin, of which only the file\'s name counts.'), kind: 'text', isColumn: true }
		] }
	],
	topic: [
		{ name: 'basics', title: _('Basics'), isMain: true, options: [
			{ name: 'enabled', title: _('Enabled'), doc: _('Whether this counts.'), kind: 'flag', default: '1', isColumn: true },
			{ name: 'topic', title: _('Topic'), doc: _('Topic filter; repeat for more.'), kind: 'list', isColumn: true },
			{ name: 'durability', title: _('Durability'), doc: _('When messages of these topics are written: before they are acknowledged, after a while, or never.'), kind: 'choice', values: [ 'sync', 'lazy', 'ram' ], isColumn: true }
		] }
	]
};

return baseclass.extend({
	/* That of these pages, which come in a package of their own. */
	version: '0.1.0',

	/* The tabs of a kind of section, with their options; none when the broker has no use for such sections. */
	groups: function(section) {
		return GROUPS[section] || [];
	}
});
