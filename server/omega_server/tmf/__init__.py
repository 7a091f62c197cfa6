"""Tickets and measurements in the words of TM Forum's Open APIs; pure, no store."""
