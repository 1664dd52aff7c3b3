"""The journal: append-only JSON lines, hash-chained, synced in groups; the only truth. Start with ADR-0003, then record.py."""

from tradingd.shell.journal.read import export, export_line, head_at, payloads, records, scan, tail
from tradingd.shell.journal.record import FactRefused, Genesis, JournalDamaged, JournalLocked
from tradingd.shell.journal.recover import Recovery, open_journal
from tradingd.shell.journal.store import Settings
from tradingd.shell.journal.verify import Report, verify
from tradingd.shell.journal.writer import Journal

__all__ = [
    "FactRefused", "Genesis", "Journal", "JournalDamaged", "JournalLocked", "Recovery", "Report", "Settings", "export",
    "export_line", "head_at", "open_journal", "payloads", "records", "scan", "tail", "verify",
]  # fmt: skip
