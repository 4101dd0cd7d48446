"""Moves uploaded files from one prefix of a bucket to another, told by a queue which ones.

    settings   what the environment variables mean
    secrets    variables that nobody has set yet, because they are secret
    events     queue message -> the uploads it tells of
    move       one upload: copy, announce, delete what was copied
    copy       one server-side copy, of any size
    announce   tells the next stages about a moved file
    results    writes down what became of an upload
    work       puts these together: what is done with a message
    deliver    does it, and says what came of it
    log        one line per event

On an instance:

    leases     keeps messages invisible to others while they are worked on
    receive    polls the queue and hands messages to threads
    worker     the program from start to end, which SIGTERM ends

As a Lambda function:

    batches    a batch of messages within the time that there is for it
    function   what Lambda calls
"""
