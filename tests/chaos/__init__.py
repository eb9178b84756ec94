"""`make chaos`: a harness that tries to make an installation lose, invent or double-count.

run.py           one run: records are sent while faults strike, then everything is compared
run_records.py   what is sent            ledger.py       what was sent and acknowledged, outside Kafka
senders.py       by Kafka and by HTTP    followers.py    clients of server-sent events
environments.py  brokers and databases   installation.py the processes on them, kept running
faults.py        what a fault is; the faults themselves are in *_faults.py, and stages.py says which strike where
verdict.py       what must hold          controls.py     what must not hold without a protection
results.py       results.jsonl           generate.py     docs/reliability.md, from it
"""
