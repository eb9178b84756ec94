"""`make chaos`: a harness that tries to make an installation lose, invent or double-count.

play.py          one run: mail is sent while faults strike, then everything is compared
mail.py          what is sent            ledger.py       what was sent and acknowledged, outside Kafka
senders.py       by Kafka and by HTTP    followers.py    who listens to server-sent events
environments.py       brokers and databases   installation.py the processes on them, kept running
faults.py        what a fault is; the faults themselves are in *_faults.py, and stages.py says which strike where
verdict.py       what must hold          controls.py     what must not hold without a protection
results.py       results.jsonl           generate.py     docs/reliability.md, from it
"""
