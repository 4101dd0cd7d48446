"""Moves uploaded files from one prefix of a bucket to another, told by a queue which ones.

    settings   what the environment variables mean
    events     queue message -> the uploads it tells of
    move       one upload: copy, announce, delete what was copied
    copy       one server-side copy, of any size
    announce   tells the next stages about a moved file
    leases     keeps messages invisible to others while they are worked on
    receive    polls the queue and hands messages to threads
    worker     puts these together, and ends them on SIGTERM
    log        one line per event
"""
