package probe

import "github.com/failover-dns/failover/failover"

// Names of the layers of a look, in order.
const (
	LayerNetwork = "us" // our own network, as the references tell
	LayerDNS     = "DNS"
	LayerTCP     = "TCP"
	LayerTLS     = "TLS"
	LayerHTTP    = "HTTP"
	LayerContent = "content"
)

// Explanation says what a cause usually means.
type Explanation struct {
	Cause   failover.Cause
	Layer   string // that the cause belongs to; empty where it can be any
	Meaning string // one sentence
	Try     string // what to do first
}

// Explain returns the explanation of a cause; false for one that is not known.
func Explain(cause failover.Cause) (Explanation, bool) {
	for _, e := range explanations {
		if e.Cause == cause {
			return e, true
		}
	}
	return Explanation{}, false
}

// explanations has one row for each cause.
var explanations = [...]Explanation{
	{failover.CauseNXDOMAIN, LayerDNS,
		"the name does not exist in the zone this server holds: deleted, misspelt, or the registration ended",
		"look for the name in the zone, and check the registration and the delegation of the domain"},
	{failover.CauseNoData, LayerDNS,
		"the name exists, but has no record of this type",
		"add the record, or correct the type in the check"},
	{failover.CauseServFail, LayerDNS,
		"the server cannot answer: the zone failed to load or expired at a secondary, or DNSSEC validation failed",
		"read the name server's log; check zone transfers and the validity of DNSSEC signatures"},
	{failover.CauseDNSRefused, LayerDNS,
		"the server does not hold this zone, or does not answer this client",
		"check that the zone is configured there, and its access lists"},
	{failover.CauseDNSTimeout, LayerDNS,
		"nothing answers at port 53: the server is down, or UDP is filtered",
		"check that the name server runs, and that the firewall lets UDP and TCP port 53 pass"},
	{failover.CauseDNSAnswer, LayerDNS,
		"the record has another value than the check expects",
		"compare the zone with the check's answer; one of them is out of date"},
	{failover.CauseRefused, LayerTCP,
		"the host is up, but nothing listens at this port: the service stopped, crashed or listens elsewhere",
		"see whether the service runs (systemctl status), and its log"},
	{failover.CauseUnreachable, LayerTCP,
		"a router or our own machine knows no way there: a routing fault, or no IPv6 here",
		"ping the address from here and from elsewhere; ask the hosting provider"},
	{failover.CauseConnectTimeout, LayerTCP,
		"packets vanish: the host is down, cut off, or a firewall drops us",
		"try the address from another network; if it answers there, look for a ban of this controller's address"},
	{failover.CauseReset, "",
		"the connection was opened and then broken: a crash, an overloaded proxy, or a filter on the way",
		"read the log of the service and of the proxy in front of it"},
	{failover.CauseTLSExpired, LayerTLS,
		"the certificate is not valid today, usually because a renewal failed unnoticed; browsers refuse the site",
		"renew the certificate and reload the server; check the clocks of both machines"},
	{failover.CauseTLSWrongName, LayerTLS,
		"the server presents a certificate for other names: the site's virtual host is missing, or this is another server",
		"check the server's configuration for this name, and that the origin address is right"},
	{failover.CauseTLSUntrusted, LayerTLS,
		"the chain ends at no known root: self-signed, a private authority, or the intermediate certificate is missing",
		"install the full chain; for a private authority give failover its root, or set verify = false"},
	{failover.CauseTLSHandshake, LayerTLS,
		"no common version or cipher, or something that is not TLS answers at this port",
		"check that the port speaks TLS 1.2 or later, and the server's TLS settings"},
	{failover.CauseTimeout, "",
		"the host takes connections, then says nothing: the service hangs, its workers are all busy, or its database is stuck",
		"look at load, worker limits and slow queries; restart the service if it hangs"},
	{failover.CauseSlow, "",
		"the answer is right, but comes later than the check allows",
		"look at load and slow queries, or raise slow in the check"},
	{failover.CauseStatus, LayerHTTP,
		"the service answers with an error: 5xx is a fault of the application or of what is behind a proxy, 4xx a wrong path or access rule",
		"open the path of the check yourself and read the application's log"},
	{failover.CauseBody, LayerContent,
		"the page does not hold what it should: an error page with a good status, a default page, or a defacement",
		"open the page and look; if it is right, correct body in the check"},
	{failover.CauseProtocol, LayerHTTP,
		"something answers that does not speak the expected protocol",
		"check which service listens at this port"},
	{failover.CauseRedirect, LayerHTTP,
		"visitors are sent to another host, in a circle, or where the check does not expect it",
		"check the redirect rules; if they are right, change path, status or follow_redirects in the check"},
	{failover.CausePanic, "",
		"failover's own probe has a defect; the origin may be well",
		"please report the stack that the log holds"},
	{failover.CausePartial, "",
		"some addresses of the origin fail and others do not: some visitors see an outage",
		"repair or remove the failing address; set down_when = \"any\" if one is enough for a switch"},
	{failover.CauseOperator, "",
		"an operator switched by hand",
		"see who and why: failover history"},
}
