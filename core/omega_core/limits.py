"""Every bound in the product, with its reason; the asserts say how bounds relate.

Tests import this module, so a bound that stops fitting another fails the build. The asserts guard
our own constants only: `python -O` drops them, so input is never checked with `assert`.
"""

from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US

# Delay stream
STREAM_PERIOD_NS_DEFAULT = 20 * NS_PER_MS  # 50 packets/s: 29 kbit/s, under 5 % of a 1 Mbit/s line
STREAM_PERIOD_NS_MIN = 5 * NS_PER_MS  # more than 200 packets/s would load the line it measures
STREAM_DURATION_NS_MAX = 120 * NS_PER_S  # proof of 0.5 % loss in bursts takes about 74 s
STREAM_PACKETS_MAX = 24_001  # what `packet_count` gives for the two bounds above
WAITING_TIME_NS = 3 * NS_PER_S  # Tmax of RFC 7680; a later reply counts as lost
REFLECTOR_IDLE_NS = 30 * NS_PER_S  # a silent stream is forgotten: its sender is gone
STREAM_IP_OCTETS_MAX = 160  # an authenticated packet over IPv6, the largest a stream sends
STAMP_OCTETS_MAX = 1_472  # one unfragmented IPv4 datagram of an Ethernet MTU

# Connectivity, and the look at the host before anything is sent
ATTEMPT_WAIT_NS = 3 * NS_PER_S  # one lost SYN is repeated after a second
ATTEMPTS_MAX = 20  # rounds; RFC 2678 asks for 20 packets
ATTEMPT_KINDS = 10  # Controller: names, TCP, HTTP; test point: TCP, UDP; over two families
ATTEMPTS_OF_A_RECORD_MAX = 256
PRECHECK_NS_MAX = 10 * NS_PER_S  # longer than that the technician takes it for a hang

# Path diagnosis
PATH_TTL_MAX = 30  # hops; paths of more than 25 are hardly ever seen, a loop takes the rest
PATH_ROUNDS = 10  # probes of a hop: a Linux router answers 6 at once, and then 1 a second
PATH_ROUND_NS = 600 * NS_PER_MS  # 10 rounds take 5.4 s, in which those 6 grow to 11
PATH_SPACING_NS = 4 * NS_PER_MS  # between two packets: 250 a second of 60 octets, 120 kbit/s
PATH_WAIT_NS = 2 * NS_PER_S  # for the last answers; a loaded WiMAX cell holds them for a second
PATH_TOTAL_NS = 8 * NS_PER_S  # all parts together, side by side: the caller is on the phone
PATH_PACKETS_MAX = 800  # of one diagnosis, both families; 100 kB, the large ones included
PATH_PROBES_OF_A_HOP_MAX = 32  # in a record
PATH_ADDRESSES_OF_A_HOP_MAX = 4  # a hop with more shares load by packet, and says so
PATH_TRACES_MAX = 16  # of one family: test point, references, the large packets of an MTU search
PATH_REFERENCES_MAX = 4  # beyond the test point; each costs a trace and an echo row
PATH_ECHO_ROWS_MAX = 16  # of one family
PATH_SILENT_HOPS_MAX = 8  # after so many silent ones in a row nothing further is expected
NAME_SERVERS_MAX = 6  # of the host, and of an instruction; the C library asks three
NAME_QUESTIONS_MAX = 8  # of one server
NAME_WAIT_NS = 2 * NS_PER_S  # for an answer; asked twice, a second apart
NAME_OCTETS_MAX = 1_232  # of an answer over UDP without fragments (DNS flag day 2020)
MTU_TRIES_MAX = 40  # sizes of one search: 11 halvings, and the usual sizes tried first
MTU_OCTETS_MIN_V4 = 576  # every host takes it (RFC 791)
MTU_OCTETS_MIN_V6 = 1_280  # every link carries it (RFC 8200 section 5)

# Fault zone
ZONE_FACTS_MAX = 64  # behind one finding: thirty hops, and what the looks found

# TCP goodput
GOODPUT_RUN_NS_MAX = 60 * NS_PER_S  # a longer run keeps the customer's line from the customer
GOODPUT_FLOWS_MAX = 16  # beyond it flows compete with each other, not with the queue
FAST_TICK_OCTETS = 18_750  # 1.5 Mbit/s over a tick: faster than the lines a few packets can fill
GOODPUT_RUNS_MAX = 32  # 8 each way for a sequential test, twice over
TICK_NS = 100 * NS_PER_MS  # counters are stamped this often at both ends
TICKS_MAX = 601  # `packet_count` of the longest run at this tick
FLOW_CLOCK_US_MAX = 120_000_000  # the longest run twice: time for its stragglers, not for a forger
BLOCK_OCTETS = 1 << 18  # one system call moves this much, so the interpreter is not the limit
NOTSENT_OCTETS_MAX = 1 << 17  # what waits in a sending host is no queue of the line; 1 ms at 1 Gb/s

# Working latency
WORKING_PACKETS_MIN = 100  # five above the 95th percentile; of fewer it is an accident
WORKING_PERIOD_NS_MIN = 10 * NS_PER_MS  # 200 packets in the steady window of the shortest runs
WORKING_PERIOD_NS_START = 60 * NS_PER_MS  # until the line has shown what it carries: for 1 Mbit/s
WORKING_SHARE_PPM = 10_000  # of the loaded direction: what the stream takes, the goodput lacks
WORKING_SPACINGS_MAX = 64  # it only ever becomes closer, by a millisecond at least

# IP-layer capacity
LOAD_RUN_NS_MAX = 30 * NS_PER_S  # RFC 9097 asks for 10 s; a satellite line needs half of that
CAPACITY_RUNS_MAX = 12  # a search each way; three steps, a window and its repeat each way
FEEDBACK_NS = 50 * NS_PER_MS  # RFC 9097 section 4; a short buffer overflows in a few of them
LOAD_TICKS_MAX = 601  # `packet_count` of the longest load at this interval
LOAD_COMMANDS_MAX = 1_201  # two commands each feedback interval of the longest load
LOAD_CLOCK_US_MAX = 60_000_000  # the longest run twice: time for what a deep buffer still holds
LOAD_RATE_BPS_MAX = 100 * 10**9  # beyond any access line: more is a slip, or an attack
LOAD_TRAIN_PACKETS_MAX = 1 << 31  # a command may be the only one of the longest and fastest load
LOAD_IP_OCTETS_MIN = 200  # smaller packets measure the host, not the line
LOAD_IP_OCTETS_MAX = 9_000  # jumbo frames
LOADS_OPEN_MAX = 2  # one each way; more would measure each other
LOAD_SILENCE_NS = NS_PER_S  # RFC 9097's feedback timeout: a probe that has gone is not sent to
LOAD_SILENCE_NS_MAX = 5 * NS_PER_S  # on the longest path: three round trips, and some more
LOAD_FIRST_NS = 20 * NS_PER_S  # from LoadReady to the first packet: it may be asked for ahead
SUB_INTERVAL_US_MIN = 100_000  # shorter ones measure a shaper's burst

# Sessions and grants
GRANT_LIFE_S = 600  # a standard acceptance takes two to five minutes
GRANT_EARLY_S = 20  # how far a test point's clock may run behind the Controller's
GRANT_LATE_S = 90  # and ahead of it
SESSION_ADDRESSES_MAX = 4  # one of each family; two more where a line has changed address
SESSION_STREAMS_MAX = 40  # connectivity of both families, idle, one for each run, some to spare
ADDRESS_PROOF_LIFE_S = 120  # proved just before asking; longer would let an address change hands
CHANGE_CHARS_MAX = 200  # what was changed on a line before an attempt, in a sentence
SESSIONS_OF_AN_ADDRESS_MAX = 6  # unattributed self-tests from one address in the window below
SESSIONS_OF_AN_ADDRESS_WINDOW_S = 600

# What comes in
RECORD_BYTES_MAX = 1 << 20  # a standard acceptance with 16 runs of 16 flows is half of it
ENVELOPE_BYTES_MAX = RECORD_BYTES_MAX * 4 // 3 + 4_096  # base64, and the signatures beside it
BUNDLE_BYTES_MAX = 4 * ENVELOPE_BYTES_MAX  # record, grant, observation, receipt and keys
ANSWER_BYTES_MAX = 512 * 1024  # the largest answer to an agent is a grant and its profile
REQUEST_BYTES_MAX = 64 * 1024  # the largest request that is not a record is a session request
FRAME_BYTES_MAX = ENVELOPE_BYTES_MAX + 64 * 1024  # a sealed observation, quoted once more
JSON_DEPTH_MAX = 32  # a record is 8 deep; deeper is an attack on the parser's stack
SIGNATURES_MAX = 8  # a record has one, a key statement two
PROFILE_BYTES_MAX = 256 * 1024  # an acceptance profile with a hundred criteria is 30 KiB
PROFILE_CRITERIA_MAX = 100  # the fullest of ours has 13; all are judged at every session
PROFILE_PLANS_MAX = 256  # names under which one plan is sold
PROFILES_MAX = 10_000  # a catalogue of a thousand plans in ten versions
RULE_BYTES_MAX = 64 * 1024  # the longest of ours is 5 KiB, half of it sentences
CAMPAIGN_RUN_S_MAX = 180  # a minute of idle stream, a TCP run each way, windows: 146 s at most
CAMPAIGN_RUNS_MAX = 1_000  # attempts of one campaign; a rule asks for thirty
CAMPAIGN_BYTES_MAX = 1 << 20  # the state of a campaign; an attempt of it takes 400 octets
PLAN_RATE_BPS_MAX = 10**12  # a terabit a second: beyond what is sold, so a slip of the pen
PLAN_MTU_BYTES_MIN = 1_280  # IPv6 needs it (RFC 8200 section 5)
PLAN_MTU_BYTES_MAX = 9_000  # jumbo frames
LOG_PATH_HASHES_MAX = 54  # of a tree of 2^53 leaves: one for each level, one more for consistency
LOG_NOTE_SIGNATURES_MAX = 32  # the log's own, and more witnesses than any policy asks for
LOG_NOTE_BYTES_MAX = 64 * 1024  # those witnesses, half of them with ML-DSA-44 signatures of 3.3 kB
LOG_PROOF_BYTES_MAX = LOG_NOTE_BYTES_MAX + 8 * 1024  # a path of that length is 2.5 kB
LOG_EVIDENCE_MAX = 16  # of rewritten logs, at an agent: the first ones tell it all
CONTROL_TIMEOUT_S = 10  # a test point answers within milliseconds; this bounds a dead path

# The server
ENROLMENT_TOKEN_LIFE_S = 72 * 3_600  # a device is enrolled within days of being handed out
READ_REQUEST_LIFE_S = 900  # a device's clock may be this wrong; the request names one record only
REQUEST_DEADLINE_S = 15  # under what an agent waits; 1 MiB over 1 Mbit/s and a commit take 12 s
REQUESTS_WAITING_MAX = 256  # beyond it a refusal now is kinder than an answer after the deadline
WORKERS_MAX = 8  # threads that verify and store; the interpreter keeps about one core busy
STORE_CONNECTIONS_MAX = 16  # every worker has one, and the operator's commands find one
STORE_WAIT_S = 5  # for a lock, a connection or a statement; then the client is told to come back
RETRY_AFTER_S_MIN = 1  # spread, so that those refused together do not come back together
RETRY_AFTER_S_MAX = 5
SERVER_CONNECTIONS_MAX = 9_216  # open at once: agents that wait, below, and 1,024 others
DESCRIPTION_CHARS_MAX = 2_000  # what a caller says of a fault, in a ticket

# Instructions: agents that wait for what to do
CHECK_IN_WAIT_S_MAX = 50  # address translators forget an idle connection after a minute
CHECK_INS_HELD_MAX = 8_192  # connections that wait at one process; each takes some tens of kB
CHECK_INS_PER_S = 200  # admitted by one process: 2,000 agents ask 40 times a second
INSTRUCTION_BYTES_MAX = 8_192  # a sealed instruction with all its references is 2 kB
INSTRUCTION_KINDS_MAX = 32  # there are three
INSTRUCTION_REFERENCES_MAX = 8  # destinations beyond the test point that a diagnosis looks at
INSTRUCTION_REPORTS_MAX = 1_000  # an agent that is busy says so each time it looks again
INSTRUCTIONS_HELD_MAX = 32  # by one agent; more than that is a server gone wild
INSTRUCTION_LIFE_S = 900  # an answer for a caller who has hung up is of no use
INSTRUCTION_RUN_S_MAX = 3_600  # after its time: a run that is not ended by then is not going on
INSTRUCTION_LIFE_S_MAX = 7 * 86_400  # a line that was dead for a week is a visit, not a test
CALM_S_MAX = 600  # how long a line in use is waited for
REASON_CHARS_MAX = 256  # why, in a sentence
LOCAL_LIMITS_BYTES_MAX = 64 * 1024  # a device with a hundred networks to choose from has 4 kB
RETURN_SPREAD_S_MAX = 3_600  # ten million agents at the admission of fourteen processes
AGENT_TAGS_MAX = 16  # sector, technology, software ring, pilot group, and as many more
PRESENCE_EVERY_S = 5  # how late another process may learn who is connected; a write for all of them
SIGNALS_EVERY_MS = 200  # how late a process learns of what another has written

# Tickets
TICKET_TEXT_CHARS_MAX = 4_000  # a note of a page and a half; what is longer is a file
TICKET_NAME_CHARS_MAX = 120  # a person, a party, a place
TICKET_PARTS_MAX = 64  # spares, sentence codes, records that a finding rests on
TICKET_ENTRIES_MAX = 2_000  # of one log: folding it takes milliseconds; a long fault has hundreds
TICKETS_PAGE_MAX = 200  # in one answer; the next page begins after the last number
TICKETS_LOOKED_AT_MAX = 1_000  # for one page, where most do not fit what was asked for
SECTOR_LINES_MAX = 100_000  # subscribers of a base station: more is a slip of the pen
ESCALATION_RECORDS_MAX = 50  # bundles in one package, newest first; digests of the others listed
ESCALATION_BYTES_MAX = 64 * 1024 * 1024  # what a mail gateway or a vendor's portal still takes
CALENDAR_DAYS_LOOKED_AT_MAX = 400  # for one date: a year of holidays is a slip in the table

assert CHECK_INS_HELD_MAX < SERVER_CONNECTIONS_MAX

# Keys
KEY_OVERLAP_S = 7 * 86_400  # both keys are good so long: a van's outbox is posted within a week
KEY_EARLY_S = 900  # how far the clocks of two servers, or a rotation's moment, may be apart
KEY_CHAIN_MAX = 64  # rotations of one key: once a month for five years
KEY_REVOCATIONS_MAX = 8  # of one key: each moves `invalid_since` back to an earlier moment
KEY_EVENTS_MAX = 160  # in a bundle: two chains, and the revocations of the keys in it
KEY_EVENT_BYTES_MAX = 8 * 1024  # a rotation with two signatures is 1.2 KiB
KEY_REASON_CHARS_MAX = 200  # why a key was revoked, in a sentence

# Test point
FIRST_FRAME_NS = 5 * NS_PER_S  # a connection says what it is for, or goes; bounds the slow ones
CONNECTIONS_WAITING_MAX = 256  # connections that have not said it yet; the oldest makes room
CONNECTIONS_OF_AN_ADDRESS_MAX = 48  # of those; 16 flows joining at once, from three homes
SESSIONS_AT_ONCE_MAX = 64  # 20 Mbit/s each fill the gigabit of a small test point
SPENT_GRANTS_MAX = 100_000  # 10 MB; at 64 sessions of ten seconds they last for four hours
SESSION_COUNTER_ENTRIES_MAX = 40_000  # of upward runs; about 18 bytes each, a record's worth
STREAM_REPLIES_MAX = 2 * STREAM_PACKETS_MAX  # room for a line that duplicates every packet
STREAM_PORTS_MAX = 4  # a NAT that restarts changes the source port; more is somebody guessing
RUN_OVERTIME_NS = 10 * NS_PER_S  # after its time a run is ended from this side: its probe is gone
SILENCE_NS = 3 * NS_PER_S  # nothing at all on any flow for this long: the line is down
UNSENT_BYTES_MAX = 4 * 1024 * 1024  # answers waiting for a probe that does not read

# The outbox
OUTBOX_RETRY_S_MIN = 1  # first pause after a failed post, doubled with jitter
OUTBOX_RETRY_S_MAX = 900  # a server that was away a day is asked four times an hour
FOLDER_FILES_MAX = 100_000  # checked together: what is kept of each is half a KiB
OUTBOX_RECORDS_MAX = 10_000  # at 100 KiB a record, one gigabyte: a full disk helps nobody
RECORDS_KEPT_MAX = 200  # bundles with their receipt, at the agent: a month's work of a technician

# Schedules
SCHEDULE_S_MIN = 900  # of a quick session's twenty seconds, two per cent of the time
SCHEDULE_S_MAX = 31 * 86_400  # once a month; what is rarer is asked for when it is wanted

# Availability watch
WATCH_PERIOD_US = 1_000_000  # RFC 2678 attempts each second: an outage of 2 s can't be missed
WATCH_WAIT_US = WAITING_TIME_NS // NS_PER_US  # an answer later than in a stream is as lost
WATCH_LATE_US = 2_500_000  # between two attempts; a longer time nobody watched
WATCH_SUSPECT_US = 5_000_000  # within it a first witness answers, or the line is what is down
WATCH_NEAR_US = 300_000  # a witness is asked together with an attempt, so both meet the same line
WATCH_FIRST_TIME_US = 900_000  # and two round trips: a witness none of whose packets was sent twice
WATCH_WITNESS_US = 2_500_000  # for its answer: three round trips of a satellite, and a signature
WATCH_WITNESS_EVERY_US = 30_000_000  # on average, while a test point is silent: servers have many
WATCH_DISK_AGAIN_US = 30_000_000  # a full disk is not asked each second
WATCH_ROUND_TRIPS = 16  # the longest of the last ones says when an answer was due
WATCH_CHECKPOINT_US = 300_000_000  # 288 small writes a day; so much is unobserved at a power cut
WATCH_WINDOW_US = 86_400_000_000  # a record a day
WATCH_EVENTS_MAX = 4_000  # outages and gaps of a window, 100 octets each; then it ends early
WATCH_REPORT_EVERY_US = 600_000_000  # after an outage: a line that flaps posts six an hour
WATCH_ADDRESSES_MAX = 4  # of a test point, tried in turn: two of each family
WATCH_TURN_US = 20_000_000  # of silence, then the next address is tried
WATCH_REPLIES_PER_S = 2  # of a standing stream at the test point: twice what a watch sends
STANDING_GRANT_LIFE_S = 35 * 86_400  # a month without the server, and some days to renew
STANDING_STREAMS_MAX = 20_000  # of one test point: 20 MB, and what one core answers each second
STANDING_SILENCE_NS = 600 * NS_PER_S  # then a stream is forgotten; its watch says hello again
STANDING_HELLOS_PER_S = 500  # checked, at 0.3 ms each; beyond it hellos are dropped unread
STANDING_COOKIE_S = 16  # how long an address proof is good: some round trips

# Lines: what was watched of one, over many records
LINE_RANGE_S_MAX = 366 * 86_400  # asked for at once: a plan's window is a year at the most
LINE_WINDOWS_MAX = 1_000  # read for an answer: a record a day for a year, and as many on request
LINE_EVENTS_MAX = 40_000  # outages and gaps in them; a month with one a minute, a third of a second
LINE_TICKETS_MAX = 100  # the newest of a line, looked through for open ones
LINE_PAGE_MAX = 500  # outages and gaps listed at once, 100 octets each

# Connectors: ticket systems of the operator
CONNECTORS_MAX = 16  # one thread each; an operator has one system, two while moving to another
CONNECTOR_CONFIG_BYTES_MAX = 64 * 1024  # sixteen systems take four
CONNECTOR_SECRET_BYTES_MAX = 4_096  # a token; a file that is larger is another file
CONNECTOR_CONNECT_S = 5  # as for agents: three lost SYNs are a dead path
CONNECTOR_ANSWER_S = 20  # a ticket system that stores a file and tells watchers takes some seconds
CONNECTOR_DELIVERY_S = 180  # all requests of one delivery; notes of a long ticket come in pages
CONNECTOR_LEASE_S = 300  # whoever died with a delivery in hand is waited for so long
CONNECTOR_ANSWER_BYTES_MAX = 4 * 1024 * 1024  # a page of a hundred notes of 40 kB
CONNECTOR_PAGES_MAX = 50  # of a hundred notes; a ticket with more is another one's history
CONNECTOR_SETTLE_S = 60  # before looking for what was perhaps accepted: it may still be on its way
CONNECTOR_RETRY_S_MIN = 5  # first pause, doubled, each drawn between half and the whole of it
CONNECTOR_RETRY_S_MAX = 3_600  # a system away for a night is asked once an hour
CONNECTOR_RETRY_AFTER_S_MAX = 86_400  # what a system may ask for; more is a slip of its settings
CONNECTOR_POLL_S = 2  # how late a new record is seen; its question costs some milliseconds
CONNECTOR_RECENT_RECORDS = 1_000  # looked at each time; what is committed late is among them
CONNECTOR_ROUNDS = 150  # of idle looks, five minutes: then all records are looked at
CONNECTOR_REPLAY_S = 300  # a receiver of webhooks takes signatures this old, and no older

# People: accounts, sessions, private links
NAME_CHARS_MAX = 64  # of an account: a name as it stands in logs and URLs
PASSWORD_CHARS_MIN = 12  # NIST SP 800-63B asks for 15 where a password stands alone, 8 otherwise
PASSWORD_OCTETS_MAX = 512  # a passphrase in any script; hashing more is work for an attacker's fun
PIN_DIGITS_MIN = 6  # typed with one thumb; five tries find one in 200,000
PIN_DIGITS_MAX = 12
PIN_TRIES_MAX = 5  # wrong in a row, then it is locked until a new one is set
ARGON2_MEMORY_KIB = 64 * 1024  # RFC 9106 section 4, second choice: 64 MiB, three passes
ARGON2_PASSES = 3
ARGON2_LANES = 1  # the RFC has four; here the cores belong to other requests
ARGON2_SALT_OCTETS = 16  # RFC 9106 section 3.1
ARGON2_HASH_OCTETS = 32
ARGON2_AT_ONCE_MAX = 2  # 128 MiB, and the other workers stay free while somebody guesses
ARGON2_WAIT_S = 5  # for one of the two; then the server is busy
LOGIN_WINDOW_S = 900  # failures are counted over so long
LOGIN_TRIES_OF_NAME_MAX = 10  # 1,000 a day against one account
LOGIN_TRIES_OF_ADDRESS_MAX = 50  # an office behind one address on a Monday
LOGIN_COUNTERS_MAX = 50_000  # rows of names and addresses; 5 MB, the oldest go first
SESSION_IDLE_S = 4 * 3_600  # a technician between two sites
SESSION_LIFE_S = 16 * 3_600  # one login a working day, with overtime
CUSTOMER_IDLE_S = 1_800  # on a telephone that may be lent
CUSTOMER_LIFE_S = 7_200
SESSION_NOTED_S = 60  # last use is written so often, not with each request
SESSIONS_OF_AN_ACCOUNT_MAX = 10  # browsers of one person; the oldest is ended
RESET_LIFE_S = 86_400  # a one-time link to set a password
CUSTOMER_LINK_LIFE_S = 30 * 86_400  # of a private link in a letter or mail
CUSTOMER_LINK_USES_MAX = 100  # each evening for a month, from three devices
CUSTOMER_CODE_LIFE_S = 86_400  # read out on the telephone, typed the same day
CUSTOMER_CODE_USES_MAX = 5
LINKS_OF_A_LINE_MAX = 20  # that are good at once
AUDIT_PAGE_MAX = 500  # entries listed at once, 200 octets each
ACCOUNTS_PAGE_MAX = 500
OIDC_CONFIG_BYTES_MAX = 64 * 1024  # some providers with their claims
OIDC_PENDING_S = 600  # from leaving for the provider to coming back
OIDC_ANSWER_BYTES_MAX = 256 * 1024  # a document, keys or tokens of a provider
OIDC_WAIT_S = 5  # for one answer of a provider
OIDC_CLOCK_S = 60  # by how much the provider's clock may differ

# Old files: sheets that an operator kept before
OLD_FILES_MAX = 5_000  # of a folder: a document a sheet, ten years of a small operator
OLD_FILE_BYTES_MAX = 16 * 1024 * 1024  # fifty thousand rows of forty columns are ten
OLD_FILE_PARTS_MAX = 4_000  # files in a workbook: three for each worksheet with its drawing
OLD_FILE_UNPACKED_BYTES_MAX = 512 * 1024 * 1024  # of all parts: read through, never held whole
OLD_FILE_PART_BYTES_MAX = 128 * 1024 * 1024  # of one part: a parser may hold it ten times over
OLD_FILE_RATIO_MAX = 200  # unpacked to packed: tables reach fifty, a bomb a thousand
OLD_FILE_RATIO_FROM_BYTES = 1 << 20  # smaller parts may be as regular as they like
OLD_FILE_GRIDS_MAX = 1_000  # worksheets, or tables of a document
OLD_FILE_ROWS_MAX = 50_000  # of a file; more is an export of a whole system, to be split
OLD_FILE_BLANK_ROWS_MAX = 10_000  # one after the other: below them stands what nobody has seen
OLD_FILE_COLUMNS_MAX = 256  # what Excel had for twenty years
OLD_FILE_CELL_CHARS_MAX = 2_000  # a remark of a page
OLD_FILE_MAPPING_BYTES_MAX = 64 * 1024  # of a person's own; a name for each column has four
OLD_FILE_HEADER_ROWS_MAX = 50  # looked through for the header: logos and titles stand above it
OLD_FILE_FORM_ROWS_MAX = 400  # of a form: eight pages
OLD_FILE_REFERENCE_CHARS_MAX = 64  # serials, contract numbers: as long as our own names
OLD_FILE_TEXT_CHARS_MAX = 1_000  # of one field; a remark of half a page
OLD_FILE_PHOTOS_MAX = 40  # named for one sheet


def packet_count(duration_ns: int, interval_ns: int) -> int:
    """Return how many packets a stream of `duration_ns` has: one at time zero, then one a step.

    Posts, not gaps: thirty seconds at 10 ms are 3000 gaps and 3001 packets. Integers keep it exact;
    in floats, 0.29 // 0.01 is 28.
    """
    return 1 + duration_ns // interval_ns


assert packet_count(STREAM_DURATION_NS_MAX, STREAM_PERIOD_NS_MIN) <= STREAM_PACKETS_MAX
assert packet_count(GOODPUT_RUN_NS_MAX, TICK_NS) <= TICKS_MAX
assert SESSION_STREAMS_MAX > 3 + GOODPUT_RUNS_MAX, "each run has its stream, and the idle one"
assert WORKING_PERIOD_NS_MIN >= STREAM_PERIOD_NS_MIN
assert (WORKING_PERIOD_NS_START - WORKING_PERIOD_NS_MIN) // NS_PER_MS < WORKING_SPACINGS_MAX
assert packet_count(LOAD_RUN_NS_MAX, FEEDBACK_NS) <= LOAD_TICKS_MAX
assert LOAD_FIRST_NS > CONTROL_TIMEOUT_S * NS_PER_S + 2 * WAITING_TIME_NS, "what comes before it"
assert LOAD_CLOCK_US_MAX * NS_PER_US >= 2 * LOAD_RUN_NS_MAX
_LOAD_BITS_MAX = LOAD_RATE_BPS_MAX * LOAD_RUN_NS_MAX // NS_PER_S
assert LOAD_TRAIN_PACKETS_MAX * LOAD_IP_OCTETS_MIN * BITS_PER_OCTET >= _LOAD_BITS_MAX
assert LOAD_IP_OCTETS_MAX <= PLAN_MTU_BYTES_MAX
assert FLOW_CLOCK_US_MAX * NS_PER_US >= 2 * GOODPUT_RUN_NS_MAX
assert PATH_ROUNDS <= PATH_PROBES_OF_A_HOP_MAX
assert PATH_ROUNDS * PATH_ROUND_NS + PATH_WAIT_NS <= PATH_TOTAL_NS + PATH_ROUND_NS, "N - 1 gaps"
assert PATH_TTL_MAX * PATH_SPACING_NS < PATH_ROUND_NS, "a round ends before the next begins"
assert PATH_SILENT_HOPS_MAX < PATH_TTL_MAX
assert ATTEMPTS_MAX * ATTEMPT_KINDS <= ATTEMPTS_OF_A_RECORD_MAX
assert WAITING_TIME_NS < REFLECTOR_IDLE_NS, "a late reply must still find its stream"
assert ENVELOPE_BYTES_MAX > RECORD_BYTES_MAX
assert FRAME_BYTES_MAX > ENVELOPE_BYTES_MAX, "an observation is an envelope in a frame"
assert UNSENT_BYTES_MAX > FRAME_BYTES_MAX
assert PROFILE_BYTES_MAX < ANSWER_BYTES_MAX
assert LOG_PROOF_BYTES_MAX < ANSWER_BYTES_MAX
assert GRANT_EARLY_S < GRANT_LIFE_S
assert GRANT_LATE_S < GRANT_LIFE_S
assert WORKERS_MAX < STORE_CONNECTIONS_MAX, "a worker must never wait for a connection"
assert KEY_EARLY_S < KEY_OVERLAP_S
assert 2 * KEY_CHAIN_MAX + 3 * KEY_REVOCATIONS_MAX <= KEY_EVENTS_MAX, "server, agent, test point"
assert KEY_CHAIN_MAX * KEY_EVENT_BYTES_MAX <= ANSWER_BYTES_MAX, "a server tells its chain to agents"
assert STORE_WAIT_S < REQUEST_DEADLINE_S, "the store's answer must arrive before we give up"
assert WATCH_PERIOD_US < WATCH_LATE_US < WATCH_WAIT_US < WATCH_SUSPECT_US
assert WATCH_WITNESS_US < WATCH_WAIT_US, "a witness has answered when its attempt is decided"
assert WATCH_EVENTS_MAX * 160 < RECORD_BYTES_MAX, "a window full of events is still a record"
assert CONNECTOR_DELIVERY_S + CONNECTOR_ANSWER_S < CONNECTOR_LEASE_S, "no two hold one delivery"
assert CONNECTOR_SETTLE_S > 2 * CONNECTOR_ANSWER_S
assert ARGON2_WAIT_S < REQUEST_DEADLINE_S, "who guesses is told before the deadline"
assert SESSION_NOTED_S < CUSTOMER_IDLE_S < CUSTOMER_LIFE_S < SESSION_IDLE_S < SESSION_LIFE_S
assert OLD_FILE_PART_BYTES_MAX <= OLD_FILE_UNPACKED_BYTES_MAX
assert OLD_FILE_TEXT_CHARS_MAX <= OLD_FILE_CELL_CHARS_MAX
assert OLD_FILE_HEADER_ROWS_MAX < OLD_FILE_BLANK_ROWS_MAX < OLD_FILE_ROWS_MAX
