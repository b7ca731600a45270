/* The founding document's designs: a previous snapshot that all callers share. Two callers ask
 * twice each while a counter runs to 4. A snapshot is the value of the counter; that stands for
 * its time too, so an interval is negative where the counter seems to have gone back.
 *
 *     DESIGN 0  load, compute, store of an atomic pointer (what the document recommends)
 *            1  exchange
 *            2  mutex, totals read before the lock (the document's program)
 *            3  mutex, totals read inside the lock
 *            4  a baseline of each caller's own
 *
 * Checked is one of
 *     NEGATIVE   no interval is negative
 *     SUM        the callers together account for exactly what the last snapshot holds
 *     EACH       each caller by itself does, of what it last saw */
#ifndef DESIGN
#define DESIGN 0
#endif
#define COUNT 4
#define CALLERS 2
#define CALLS 2

byte counter = 0;
byte previous = 0;
short claimed = 0;
bool locked = false;
byte finished = 0;

inline claim(now, then)
{
    atomic {
#ifdef NEGATIVE
        assert(now >= then);
#endif
        claimed = claimed + now - then;
        mine = mine + now - then
    }
}

proctype source()
{
    do
    :: counter < COUNT -> counter++
    :: counter == COUNT -> break
    od
}

proctype caller()
{
    byte calls = 0, now = 0, then = 0, own = 0;
    short mine = 0;

    do
    :: calls == CALLS -> break
    :: else ->
#if DESIGN == 0
        now = counter;
        then = previous;
        claim(now, then);
        previous = now;
#elif DESIGN == 1
        now = counter;
        atomic { then = previous; previous = now };
        claim(now, then);
#elif DESIGN == 2
        now = counter;
        atomic { !locked -> locked = true };
        then = previous;
        claim(now, then);
        previous = now;
        locked = false;
#elif DESIGN == 3
        atomic { !locked -> locked = true };
        now = counter;
        then = previous;
        claim(now, then);
        previous = now;
        locked = false;
#else
        now = counter;
        then = own;
        claim(now, then);
        own = now;
#endif
        calls++
    od;
#ifdef EACH
    assert(mine == now);
#endif
    finished++
}

init {
    atomic { run source(); run caller(); run caller() };
    finished == CALLERS;
#ifdef SUM
    assert(claimed == previous)
#endif
}
