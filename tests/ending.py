"""How programs end that show photographs outside the command, as it does: while a thread of the worker may still be
inside foreign code, an interpreter that ends by itself may crash."""

LIKE_THE_COMMAND = """
from vr_app.interruption import end_process
end_process(0)
"""
