/* The ring of src/stats/ring.c under a weak memory model: one writer, READERS readers, SLOTS
 * slots of two words, generations wrapping around.
 *
 * Between two fences a thread's memory accesses happen here in any order; what orders them is
 * written as a guard on each. So the model covers every reordering that the C11 orders of the
 * code allow, those of arm64 included. The value of each word of generation g is g, so a torn
 * copy shows.
 *
 * Define one of these to leave something out; each must then fail:
 *     NO_F1     fence between the odd mark and the data
 *     NO_F2     fence between the data and the check
 *     NO_S3     release of head
 *     NO_CHECK  the check after the copy
 *     NO_ODD    the odd mark
 * Define STOPS to let the writer stop for ever between any two of its stores. */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef GENERATIONS
#define GENERATIONS 5
#endif
#ifndef READERS
#define READERS 2
#endif
#ifndef READS
#define READS 2 /* copies that each reader accepts before it ends */
#endif

#define WORDS 2

byte head = 1;
byte seq[SLOTS];
byte data[SLOTS * WORDS];

/* The writer's stores of one generation, as bits of what has been performed. */
#define ODD   1  /* S1 */
#define WORD0 2
#define WORD1 4
#define EVEN  8  /* S2 */
#define HEAD  16 /* S3 */
#define DATA  (WORD0 | WORD1)
#define ALL   (ODD | DATA | EVEN | HEAD)
#define DONE(bits) ((done & (bits)) == (bits))

#ifdef NO_F1
#define AFTER_F1 true
#else
#define AFTER_F1 DONE(ODD)
#endif
#ifdef NO_S3
#define AFTER_S3 true
#else
#define AFTER_S3 DONE(ODD | DATA | EVEN)
#endif
#ifdef NO_F2
#define AFTER_F2 true
#else
#define AFTER_F2 DONE(DATA)
#endif
#ifdef NO_CHECK
#define ACCEPTED true
#else
#define ACCEPTED (check == 2 * generation)
#endif

proctype writer()
{
    byte generation = 2;
    byte done = 0;
    /* The odd mark is relaxed: that of the next generation may pass the release of head. */
    bool early = false;

    do
    :: generation > GENERATIONS -> break
    :: else ->
        d_step {
            done = 0;
            if
            :: early -> done = ODD; early = false
            :: else
            fi
        }
        do
        :: DONE(ALL) -> break
#ifdef NO_ODD
        :: !DONE(ODD) -> done = done | ODD
#else
        :: !DONE(ODD) ->
            atomic { seq[generation % SLOTS] = 2 * generation - 1; done = done | ODD }
        :: !early && generation < GENERATIONS && DONE(ODD) && !DONE(HEAD) && SLOTS > 1 ->
            atomic { seq[(generation + 1) % SLOTS] = 2 * generation + 1; early = true }
#endif
        :: !DONE(WORD0) && AFTER_F1 ->
            atomic { data[(generation % SLOTS) * WORDS] = generation; done = done | WORD0 }
        :: !DONE(WORD1) && AFTER_F1 ->
            atomic { data[(generation % SLOTS) * WORDS + 1] = generation; done = done | WORD1 }
        :: !DONE(EVEN) && DONE(ODD | DATA) ->
            atomic { seq[generation % SLOTS] = 2 * generation; done = done | EVEN }
        :: !DONE(HEAD) && AFTER_S3 ->
            atomic { head = generation; done = done | HEAD }
#ifdef STOPS
        :: !early -> goto stopped
#endif
        od;
progress_written:
        generation++
    od;
#ifdef STOPS
stopped:
#endif
    skip
}

proctype reader()
{
    byte copies = 0, generation, last = 0, check, word0, word1;
    byte done;

    do
    :: copies == READS -> break
    :: else ->
        /* L1, an acquire: everything below comes after it. */
        d_step { generation = head; done = 0; check = 0; word0 = 0; word1 = 0 }
        do
        :: DONE(DATA | ODD) -> break
        :: !DONE(WORD0) ->
            d_step { word0 = data[(generation % SLOTS) * WORDS]; done = done | WORD0 }
        :: !DONE(WORD1) ->
            d_step { word1 = data[(generation % SLOTS) * WORDS + 1]; done = done | WORD1 }
        :: !DONE(ODD) && AFTER_F2 ->
            d_step { check = seq[generation % SLOTS]; done = done | ODD } /* L2 */
        od;
        if
        :: ACCEPTED ->
            d_step {
                assert(word0 == generation);
                assert(word1 == generation);
                assert(generation >= last);
                last = generation;
                copies++
            };
progress_read:
            skip
        :: else
        fi
    od
}

init {
    byte i;
    atomic {
        /* Generation 1 is there before any reader. */
        seq[1 % SLOTS] = 2;
        data[(1 % SLOTS) * WORDS] = 1;
        data[(1 % SLOTS) * WORDS + 1] = 1;
        run writer();
        for (i : 1 .. READERS) {
            run reader()
        }
    }
}
